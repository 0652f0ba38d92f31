import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarFile;

/**
 * What starts the harness since 9.12-MR1: a class loader of its own, with the folder {@code harness/} of the jar
 * where there is one, and with the callbacks that a property names.
 */
public final class Harness {
  public static void main(String[] args) throws Exception {
    check();
    ClassLoader outer = Harness.class.getClassLoader();
    List<URL> places = new ArrayList<>();
    URL folder = outer.getResource("harness/");
    if (folder != null) {
      places.add(folder);
    }
    String callbacks = System.getProperty("dacapo.callback.classpath");
    if (callbacks != null) {
      places.add(new URL(callbacks));
    }
    ClassLoader loader = new URLClassLoader(places.toArray(new URL[0]), outer);
    Class<?> harness = loader.loadClass("org.dacapo.harness.TestHarness");
    try {
      harness.getMethod("main", String[].class).invoke(null, new Object[] {args});
    } catch (InvocationTargetException e) {
      e.getCause().printStackTrace();
      System.exit(1);
    }
    System.exit(0);
  }

  /** A jar whose manifest opens packages needs them open, and its data beside it in a folder of its name. */
  private static void check() throws Exception {
    File jar = new File(Harness.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    if (!jar.isFile()) {
      return;
    }
    try (JarFile file = new JarFile(jar)) {
      if (file.getManifest().getMainAttributes().getValue("Add-Opens") == null) {
        return;
      }
    }
    File data = new File(jar.getPath().replaceFirst("\\.jar$", ""));
    if (!data.isDirectory()) {
      throw new IllegalStateException("no data in " + data);
    }
    Thread.class.getDeclaredField("name").setAccessible(true);
  }
}
