package duetbench;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import org.dacapo.harness.Callback;
import org.dacapo.harness.CommandLineArgs;

/**
 * DaCapo and ScalaBench callback: {@code java -cp dacapo.jar:duet-probe-dacapo.jar Harness -c
 * duetbench.DaCapoProbe ...}.
 *
 * <p>9.12-bach and ScalaBench end an iteration by {@code stop()}, later harnesses by {@code
 * stop(long)}. Both are here, without @Override, and reach the inherited one, whichever there is,
 * by a method handle: so one source compiles against, and one class runs with, either harness.
 */
public final class DaCapoProbe extends Callback {
  private final Iterations iterations = Iterations.fromEnvironment();
  private final MethodHandle inheritedStop = inherited(MethodType.methodType(void.class));
  private final MethodHandle inheritedStopLong = inherited(MethodType.methodType(void.class, long.class));

  public DaCapoProbe(CommandLineArgs args) {
    super(args);
  }

  /** The barrier comes first and the stamp last: 9.12-bach starts its own timer in between. */
  @Override
  public void start(String benchmark) {
    iterations.meet();
    super.start(benchmark);
    iterations.start();
  }

  public void stop() {
    iterations.stop();
    try {
      inheritedStop.invokeExact(this);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  public void stop(long duration) {
    iterations.stop();
    try {
      inheritedStopLong.invokeExact(this, duration);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static MethodHandle inherited(MethodType type) {
    try {
      return MethodHandles.lookup().findSpecial(Callback.class, "stop", type, DaCapoProbe.class);
    } catch (NoSuchMethodException e) {
      return null;
    } catch (IllegalAccessException e) {
      throw new LinkageError("duetbench probe: this harness has a Callback that cannot be extended", e);
    }
  }
}
