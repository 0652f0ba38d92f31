import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.jar.JarFile;
import org.renaissance.Plugin;

/** {@code RenaissanceHarness PLUGIN.jar ITERATIONS MILLISECONDS}: prints the nanoseconds of each operation. */
public final class RenaissanceHarness {
  public static void main(String[] args) throws Exception {
    File file = new File(args[0]);
    String name;
    try (JarFile jar = new JarFile(file)) {
      name = jar.getManifest().getMainAttributes().getValue("Renaissance-Plugin");
    }
    URLClassLoader loader =
        new URLClassLoader(new URL[] {file.toURI().toURL()}, RenaissanceHarness.class.getClassLoader());
    Plugin plugin = (Plugin) loader.loadClass(name).getDeclaredConstructor().newInstance();

    ((Plugin.AfterHarnessInitListener) plugin).afterHarnessInit();
    int count = Integer.parseInt(args[1]);
    for (int i = 0; i < count; i++) {
      ((Plugin.AfterOperationSetUpListener) plugin).afterOperationSetUp("stand-in", i, i == count - 1);
      long start = System.nanoTime();
      Thread.sleep(Integer.parseInt(args[2]));
      long duration = System.nanoTime() - start;
      ((Plugin.BeforeOperationTearDownListener) plugin).beforeOperationTearDown("stand-in", i, duration);
      System.out.println(duration);
    }
  }
}
