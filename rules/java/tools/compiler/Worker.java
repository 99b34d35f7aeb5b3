package rules.java.tools.compiler;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Bazel's persistent worker with the JSON protocol, one request at a time.
 *
 * <p>Bazel 4 writes requests without a newline between or after them, newer versions with one; a JSON object ends with its
 * brace, so both are read. See https://bazel.build/remote/creating for the protocol.
 */
final class Worker {
  private final Json requests;
  private final PrintStream answers;

  Worker(InputStream requests, PrintStream answers) {
    this.requests = new Json(requests);
    this.answers = answers;
  }

  /**
   * Answers requests until the stream ends.
   *
   * @return 0 at the end of the stream; 1 if the stream is broken, and Bazel starts another worker
   */
  int serve() {
    try {
      for (Map<String, Object> request = requests.next(); request != null; request = requests.next()) {
        if (Boolean.TRUE.equals(request.get("cancel"))) {
          continue; // This worker does not announce that it can cancel; the request's own answer follows.
        }
        Map.Entry<Integer, String> result = Main.capture(strings(request.get("arguments")), digests(request.get("inputs")));
        answer(request, result.getKey(), result.getValue());
      }
      return 0;
    } catch (IOException error) {
      System.err.println("ERROR: Java worker: " + error.getMessage() + "; Bazel will start another one.");
      return 1;
    }
  }

  private void answer(Map<String, Object> request, int exitCode, String output) {
    Object id = request.get("requestId");
    String line = "{\"exitCode\":" + exitCode + ",\"output\":" + Json.quote(output) + ",\"requestId\":"
        + (id instanceof Number ? ((Number) id).longValue() : 0) + "}\n";
    byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
    answers.write(bytes, 0, bytes.length);
    answers.flush();
  }

  private static List<String> strings(Object list) {
    List<String> strings = new ArrayList<>();
    if (list instanceof List<?>) {
      ((List<?>) list).forEach(item -> strings.add(String.valueOf(item)));
    }
    return strings;
  }

  private static Map<String, String> digests(Object list) {
    Map<String, String> digests = new HashMap<>();
    if (list instanceof List<?>) {
      for (Object item : (List<?>) list) {
        if (item instanceof Map<?, ?>) {
          Object path = ((Map<?, ?>) item).get("path");
          Object digest = ((Map<?, ?>) item).get("digest");
          if (path != null && digest != null) {
            digests.put(path.toString(), digest.toString());
          }
        }
      }
    }
    return digests;
  }
}
