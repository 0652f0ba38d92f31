package org.dacapo.harness;

final class Benchmark {
  static void run(Callback callback, int milliseconds) throws Exception {
    callback.start("stand-in");
    long start = System.currentTimeMillis();
    Thread.sleep(milliseconds);
    callback.stop(System.currentTimeMillis() - start);
    callback.complete("stand-in", true);
  }
}
