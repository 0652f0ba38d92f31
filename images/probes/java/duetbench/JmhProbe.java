package duetbench;

import java.util.Collection;
import java.util.Collections;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.runner.IterationType;

/**
 * JMH profiler: {@code java -cp benchmarks.jar:duet-probe-jmh.jar org.openjdk.jmh.Main -prof
 * duetbench.JmhProbe ...}. It works in each fork: their iterations follow each other in one file.
 */
public final class JmhProbe implements InternalProfiler {
  /** One a process: JMH makes a profiler for each benchmark that runs without a fork. */
  private static Iterations iterations;

  @Override
  public String getDescription() {
    return "stamps every iteration for duetbench";
  }

  @Override
  public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
    if (iterations == null) {
      iterations = Iterations.ofOneProcessOfMany();
    }
    iterations.meet();
    iterations.start();
  }

  @Override
  public Collection<? extends Result> afterIteration(
      BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
    iterations.stop(name(benchmark), iteration.getType() == IterationType.MEASUREMENT);
    return Collections.emptyList();
  }

  /** Class, method and parameters, as duetbench reads them in JMH's JSON. */
  private static String name(BenchmarkParams benchmark) {
    StringBuilder name = new StringBuilder(benchmark.getBenchmark());
    char before = ':';
    for (String key : benchmark.getParamsKeys()) {
      name.append(before).append(key).append('=').append(benchmark.getParam(key));
      before = ',';
    }
    return name.toString();
  }
}
