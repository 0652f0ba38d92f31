package org.dacapo.harness;

public class Callback {
  protected final CommandLineArgs args;
  protected int iterations;
  protected long elapsed;

  public Callback(CommandLineArgs args) {
    this.args = args;
  }

  public boolean runAgain() {
    return ++iterations < args.iterations;
  }

  public boolean isWarmup() {
    return iterations < args.iterations - 1;
  }

  public void start(String benchmark) {
    System.err.println("===== DaCapo stand-in " + benchmark + " starting =====");
  }

  public void stop(long duration) {
    stop(duration, isWarmup());
  }

  public void stop(long duration, boolean warmup) {
    elapsed = duration;
  }

  public void complete(String benchmark, boolean valid) {
    String what = isWarmup() ? " completed warmup " + (iterations + 1) : " PASSED";
    System.err.println("===== DaCapo stand-in " + benchmark + what + " in " + elapsed + " msec =====");
  }
}
