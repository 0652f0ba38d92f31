package duet;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.apache.commons.math3.analysis.interpolation.SplineInterpolator;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.LUDecomposition;
import org.apache.commons.math3.linear.RealMatrix;
import org.apache.commons.math3.stat.descriptive.DescriptiveStatistics;
import org.apache.commons.math3.transform.DftNormalization;
import org.apache.commons.math3.transform.FastFourierTransformer;
import org.apache.commons.math3.transform.TransformType;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** Benchmarks of Apache Commons Math; one of them can be made to fail (BROKEN=1). */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class CommonsMath {
  @Param({"64", "1024"})
  public int size;

  private double[] values;
  private double[] places;
  private RealMatrix matrix;

  @Setup
  public void setUp() {
    Random random = new Random(1);
    values = random.doubles(size).toArray();
    places = new double[size];
    for (int i = 0; i < size; i++) {
      places[i] = i;
    }
    int side = (int) Math.sqrt(size);
    matrix = new Array2DRowRealMatrix(side, side);
    for (int i = 0; i < side; i++) {
      for (int j = 0; j < side; j++) {
        matrix.setEntry(i, j, random.nextDouble());
      }
    }
  }

  @Benchmark
  public Object fourier() {
    return new FastFourierTransformer(DftNormalization.STANDARD).transform(values, TransformType.FORWARD);
  }

  @Benchmark
  public double determinant() {
    return new LUDecomposition(matrix).getDeterminant();
  }

  @Benchmark
  public double median() {
    return new DescriptiveStatistics(values).getPercentile(50);
  }

  @Benchmark
  public Object spline() {
    if (System.getenv("BROKEN") != null) {
      throw new IllegalStateException("made to fail");
    }
    return new SplineInterpolator().interpolate(places, values);
  }
}
