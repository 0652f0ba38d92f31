package duetbench;

import org.renaissance.Plugin;

/** Renaissance plugin: {@code --plugin duet-probe-renaissance.jar}. Stamps around each operation. */
public final class RenaissanceProbe
    implements Plugin.AfterHarnessInitListener,
        Plugin.AfterOperationSetUpListener,
        Plugin.BeforeOperationTearDownListener {
  private Iterations iterations;

  /** Not in a constructor: the harness swallows the reason when that fails. */
  @Override
  public void afterHarnessInit() {
    iterations = Iterations.fromEnvironment();
  }

  @Override
  public void afterOperationSetUp(String benchmark, int opIndex, boolean isLastOp) {
    iterations.meet();
    iterations.start();
  }

  @Override
  public void beforeOperationTearDown(String benchmark, int opIndex, long durationNanos) {
    iterations.stop();
  }
}
