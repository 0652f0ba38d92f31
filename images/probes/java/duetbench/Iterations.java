package duetbench;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Instant;
import java.util.concurrent.TimeUnit;

/**
 * Stamps the iterations of one side into native CSV: {@code iteration,start_ns,end_ns}, a line as
 * each iteration ends, written at once so that a killed run keeps every finished one.
 *
 * <p>Times are epoch nanoseconds read off one monotonic clock, so that durations are exact. In a
 * syncduet run {@link #meet} waits for the other side, and a column {@code synchronised} says
 * whether it came. A harness calls {@code meet(); start();} before and {@code stop();} after each
 * iteration, from any one thread at a time.
 */
public final class Iterations {
  private static final int CLOCK_SAMPLES = 10;

  private final OutputStream file;
  private final Barrier barrier;
  private final long epochOffsetNs = epochOffsetNs();
  private final StringBuilder line = new StringBuilder(80);

  private int iteration;
  private boolean running;
  private boolean synchronised;
  private long startNs;

  private Iterations(File results, Barrier barrier, boolean many) throws IOException {
    this.barrier = barrier;
    int lines = many && results.exists() ? Files.readAllLines(results.toPath()).size() : 0;
    file = new FileOutputStream(results, lines > 0);
    iteration = Math.max(lines - 1, 0);
    if (lines == 0) {
      String columns = many ? "benchmark,iteration,start_ns,end_ns,measured" : "iteration,start_ns,end_ns";
      write(columns + (barrier == null ? "\n" : ",synchronised\n"));
    }
  }

  /**
   * As the environment says: {@code DUET_RESULTS} is the file to write (results.csv in the working
   * directory without it), {@code DUET_BARRIER} and {@code DUET_SIDE} the meeting point, if any.
   */
  public static Iterations fromEnvironment() {
    return fromEnvironment(false);
  }

  /**
   * Likewise, for a harness with several processes or benchmarks: writes after what earlier processes wrote,
   * {@code benchmark,iteration,start_ns,end_ns,measured}; iterations end by {@link #stop(String, boolean)}.
   */
  public static Iterations ofOneProcessOfMany() {
    return fromEnvironment(true);
  }

  private static Iterations fromEnvironment(boolean many) {
    String results = System.getenv("DUET_RESULTS");
    String barrier = System.getenv("DUET_BARRIER");
    boolean meets = barrier != null && !barrier.isEmpty();
    try {
      return new Iterations(
          new File(results == null || results.isEmpty() ? "results.csv" : results),
          meets ? new Barrier(new File(barrier), System.getenv("DUET_SIDE")) : null,
          many);
    } catch (IOException e) {
      throw new UncheckedIOException("duetbench probe: " + e.getMessage(), e);
    }
  }

  /** Waits until the other side is at its next iteration too; returns at once where there is none. */
  public void meet() {
    if (barrier != null) {
      synchronised = barrier.meet();
    }
  }

  public void start() {
    running = true;
    startNs = System.nanoTime();
  }

  /** Ends the iteration; a second call for the same one does nothing. */
  public void stop() {
    stop(System.nanoTime(), null, true);
  }

  /** Ends an iteration of one benchmark of many; {@code measured}: the harness reports it. */
  public void stop(String benchmark, boolean measured) {
    stop(System.nanoTime(), benchmark, measured);
  }

  private void stop(long endNs, String benchmark, boolean measured) {
    if (!running) {
      return;
    }
    running = false;
    line.setLength(0);
    if (benchmark != null) {
      line.append(benchmark.replaceAll("[,\"\r\n]", "_")).append(',');
    }
    line.append(iteration++).append(',').append(startNs + epochOffsetNs);
    line.append(',').append(endNs + epochOffsetNs);
    if (benchmark != null) {
      line.append(measured ? ",1" : ",0");
    }
    if (barrier != null) {
      line.append(synchronised ? ",1" : ",0");
    }
    try {
      write(line.append('\n').toString());
    } catch (IOException e) {
      throw new UncheckedIOException("duetbench probe: cannot write an iteration: " + e.getMessage(), e);
    }
  }

  private void write(String text) throws IOException {
    file.write(text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Epoch minus {@link System#nanoTime}. The wall clock may tick as slowly as once a millisecond
   * (Java 8), so a sample is taken where it ticks; of several, the one seen in the least time.
   */
  private static long epochOffsetNs() {
    long narrowest = Long.MAX_VALUE;
    long offset = 0;
    for (int i = 0; i < CLOCK_SAMPLES; i++) {
      Instant last = Instant.now();
      Instant now;
      long before;
      long after = System.nanoTime();
      do {
        before = after;
        now = Instant.now();
        after = System.nanoTime();
      } while (now.equals(last));
      if (after - before < narrowest) {
        narrowest = after - before;
        long epochNs = TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano();
        offset = epochNs - (before + narrowest / 2);
      }
    }
    return offset;
  }
}
