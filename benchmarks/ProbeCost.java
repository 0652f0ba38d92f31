import duetbench.Iterations;

/** {@code ProbeCost ITERATIONS}: empty iterations, stamped; prints what they took altogether, in ns. */
public final class ProbeCost {
  public static void main(String[] args) {
    Iterations iterations = Iterations.fromEnvironment();
    int count = Integer.parseInt(args[0]);
    long start = System.nanoTime();
    for (int i = 0; i < count; i++) {
      iterations.meet();
      iterations.start();
      iterations.stop();
    }
    System.out.println(System.nanoTime() - start);
  }
}
