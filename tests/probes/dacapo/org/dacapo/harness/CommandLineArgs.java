package org.dacapo.harness;

/** {@code -c CALLBACK -n ITERATIONS MILLISECONDS}, in this order. */
public final class CommandLineArgs {
  final String callback;
  final int iterations;
  final int milliseconds;

  CommandLineArgs(String[] args) {
    callback = args[1];
    iterations = Integer.parseInt(args[3]);
    milliseconds = Integer.parseInt(args[4]);
  }
}
