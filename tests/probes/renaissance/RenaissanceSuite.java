import java.io.File;
import java.net.InetAddress;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.HashMap;
import java.util.Map;
import java.util.jar.JarFile;
import org.renaissance.Plugin;

/** The stock command line: {@code --plugin JAR -c CONFIG --repetitions N --json FILE BENCHMARK}, in any order. */
public final class RenaissanceSuite {
  public static void main(String[] args) throws Exception {
    Map<String, String> options = new HashMap<>();
    for (int i = 0; i + 1 < args.length; i += 2) {
      options.put(args[i], args[i + 1]);
    }
    String benchmark = args[args.length - 1];
    long startMs = System.currentTimeMillis();
    long startNs = System.nanoTime();
    InetAddress.getLocalHost(); // as Spark does
    Plugin plugin = load(new File(options.get("--plugin")));
    ((Plugin.AfterHarnessInitListener) plugin).afterHarnessInit();
    int count = Integer.parseInt(options.get("--repetitions"));
    StringBuilder results = new StringBuilder();
    for (int i = 0; i < count; i++) {
      ((Plugin.AfterOperationSetUpListener) plugin).afterOperationSetUp(benchmark, i, i == count - 1);
      long begin = System.nanoTime();
      Thread.sleep(20);
      long duration = System.nanoTime() - begin;
      ((Plugin.BeforeOperationTearDownListener) plugin).beforeOperationTearDown(benchmark, i, duration);
      results.append(i == 0 ? "" : ",");
      results.append("{\"duration_ns\":" + duration + ",\"uptime_ns\":" + (begin - startNs) + "}");
    }
    String json =
        "{\"format_version\":6,\"benchmarks\":[\"" + benchmark + "\"],\"data\":{\"" + benchmark + "\":{\"results\":["
            + results + "],\"termination\":\"normal\"}},\"environment\":{\"vm\":{\"start_unix_ms\":" + startMs + "}}}";
    Files.write(Paths.get(options.get("--json")), json.getBytes("UTF-8"));
  }

  private static Plugin load(File file) throws Exception {
    try (JarFile jar = new JarFile(file)) {
      String name = jar.getManifest().getMainAttributes().getValue("Renaissance-Plugin");
      URL[] urls = {file.toURI().toURL()};
      ClassLoader loader = new URLClassLoader(urls, RenaissanceSuite.class.getClassLoader());
      return (Plugin) loader.loadClass(name).getDeclaredConstructor().newInstance();
    }
  }
}
