package org.dacapo.harness;

final class Benchmark {
  static void run(Callback callback, int milliseconds) throws Exception {
    callback.start("stand-in");
    Thread.sleep(milliseconds);
    callback.stop();
    callback.complete("stand-in", true);
  }
}
