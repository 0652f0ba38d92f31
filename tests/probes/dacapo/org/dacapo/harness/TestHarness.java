package org.dacapo.harness;

public final class TestHarness {
  public static void main(String[] arguments) throws Exception {
    CommandLineArgs args = new CommandLineArgs(arguments);
    Class<?> type = Class.forName(args.callback);
    Callback callback = (Callback) type.getConstructor(CommandLineArgs.class).newInstance(args);
    do {
      Benchmark.run(callback, args.milliseconds);
    } while (callback.runAgain());
  }
}
