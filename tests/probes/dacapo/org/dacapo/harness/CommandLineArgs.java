package org.dacapo.harness;

/** {@code -c CALLBACK -n ITERATIONS -s SIZE BENCHMARK}; a number for a benchmark is its milliseconds, others take 20. */
public final class CommandLineArgs {
  final String callback;
  final int iterations;
  final int milliseconds;

  CommandLineArgs(String[] args) {
    String name = null;
    int count = 1;
    for (int i = 0; i + 1 < args.length; i += 2) {
      if (args[i].equals("-c")) {
        name = args[i + 1];
      } else if (args[i].equals("-n")) {
        count = Integer.parseInt(args[i + 1]);
      }
    }
    String benchmark = args[args.length - 1];
    callback = name;
    iterations = count;
    milliseconds = benchmark.matches("[0-9]+") ? Integer.parseInt(benchmark) : 20;
  }
}
