package org.renaissance;

/** The part of Renaissance's plugin interface that the probe uses. */
public interface Plugin {
  interface AfterHarnessInitListener extends Plugin {
    void afterHarnessInit();
  }

  interface AfterOperationSetUpListener extends Plugin {
    void afterOperationSetUp(String benchmark, int opIndex, boolean isLastOp);
  }

  interface BeforeOperationTearDownListener extends Plugin {
    void beforeOperationTearDown(String benchmark, int opIndex, long durationNanos);
  }
}
