import org.dacapo.harness.TestHarness;

public final class Harness {
  public static void main(String[] args) throws Exception {
    TestHarness.main(args);
    System.exit(0);
  }
}
