import duetbench.Iterations;
import org.sunflow.Benchmark;

/**
 * Harness of the suite `sunflow`: renders the scene of DaCapo's sunflow benchmark again and again.
 *
 * <p>{@code java -jar sunflow.jar ITERATIONS RESOLUTION [THREADS]}: a square picture of RESOLUTION
 * pixels, by as many threads as there are cores unless told. The picture ends up in {@code
 * resources/}, relative to the working directory, where sunflow itself puts it.
 */
public final class SunflowHarness {
  public static void main(String[] args) {
    System.setProperty("java.awt.headless", "true");
    int count = Integer.parseInt(args[0]);
    int resolution = Integer.parseInt(args[1]);
    int threads = args.length > 2 ? Integer.parseInt(args[2]) : Runtime.getRuntime().availableProcessors();
    new java.io.File("resources").mkdirs();

    // Saving, for sunflow's other way checks against reference pictures that Debian's jar lacks.
    Benchmark benchmark = new Benchmark(resolution, false, false, true, threads, false);
    Iterations iterations = Iterations.fromEnvironment();
    for (int i = 0; i < count; i++) {
      benchmark.kernelBegin();
      iterations.meet();
      iterations.start();
      benchmark.kernelMain();
      iterations.stop();
    }
  }
}
