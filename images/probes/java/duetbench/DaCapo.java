package duetbench;

import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Starts DaCapo's or ScalaBench's harness with the probe: {@code java -jar duet-probe-dacapo.jar OPTIONS
 * BENCHMARK}. The manifest has the suite's jar as class path, and opens what the suite's own manifest opens,
 * which {@code -cp} would not.
 *
 * <p>Where the harness lies on that class path the probe does, too. In 9.12-MR1 it is in a folder of the jar
 * behind a class loader of its own, and the probe has to be there and nowhere else.
 */
public final class DaCapo {
  private static final String PROBE = "duetbench.DaCapoProbe";

  public static void main(String[] args) throws Throwable {
    if (DaCapo.class.getResource("/duetbench/DaCapoProbe.class") == null) {
      String own = DaCapo.class.getProtectionDomain().getCodeSource().getLocation().toString();
      System.setProperty("dacapo.callback.classpath", own.replaceFirst("\\.jar$", "-callback.jar"));
    }
    List<String> all = new ArrayList<>(Arrays.asList(args));
    if (!all.contains("-c")) {
      all.addAll(0, Arrays.asList("-c", PROBE));
    }
    Class<?> harness = Class.forName("Harness");
    try {
      harness.getMethod("main", String[].class).invoke(null, (Object) all.toArray(new String[0]));
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }
}
