import java.io.PrintWriter;
import java.util.Arrays;
import java.util.Comparator;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.protocol.Errors;

/** Writes one line per error code of the kafka-clients jar: code, name, and what a client does about it. */
public class GoldenErrors {
  public static void main(String[] arguments) throws Exception {
    try (PrintWriter out = new PrintWriter(arguments[0], "UTF-8")) {
      Errors[] errors = Errors.values();
      Arrays.sort(errors, Comparator.comparing(Errors::code));
      for (Errors error : errors) out.print(error.code() + " " + error.name() + " " + retry(error.exception()) + "\n");
    }
  }

  static String retry(ApiException exception) {
    if (exception == null) return "no";
    for (Class<?> type = exception.getClass(); type != null; type = type.getSuperclass()) {
      String name = type.getSimpleName();
      if (name.equals("InvalidMetadataException") || name.equals("RefreshRetriableException")) return "metadata";
      if (name.equals("RetriableException")) return "yes";
    }
    return "no";
  }
}
