package org.dacapo.harness;

public class Callback {
  protected final CommandLineArgs args;
  protected int iterations;
  protected long elapsed;
  private long timer;

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
    timer = System.currentTimeMillis();
  }

  public void stop() {
    stop(isWarmup());
  }

  protected void stop(boolean warmup) {
    elapsed = System.currentTimeMillis() - timer;
  }

  public void complete(String benchmark, boolean valid) {
    String what = isWarmup() ? " completed warmup " + (iterations + 1) : " PASSED";
    System.err.println("===== DaCapo stand-in " + benchmark + what + " in " + elapsed + " msec =====");
  }
}
