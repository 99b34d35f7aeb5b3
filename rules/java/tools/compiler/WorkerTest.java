package rules.java.tools.compiler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests of the worker's protocol. */
class WorkerTest {
  private final ByteArrayOutputStream answers = new ByteArrayOutputStream();

  private int serve(String requests) {
    return new Worker(new ByteArrayInputStream(requests.getBytes(StandardCharsets.UTF_8)), new PrintStream(answers, true)).serve();
  }

  private List<String> lines() {
    return answers.toString(StandardCharsets.UTF_8).lines().collect(Collectors.toList());
  }

  private static String request(int id, String... arguments) {
    String all = List.of(arguments).stream().map(Json::quote).collect(Collectors.joining(","));
    return "{\"arguments\":[" + all + "],\"inputs\":[{\"path\":\"x\",\"digest\":\"d\"}],\"requestId\":" + id + "}";
  }

  /** Requests with and without a newline between them are answered with a line each, in order, with their ids. */
  @Test
  void answersEachRequest() {
    assertEquals(0, serve(request(0, "none") + request(3, "none") + "\n" + request(4, "none")));

    assertEquals(3, lines().size());
    assertTrue(lines().get(1).endsWith(",\"requestId\":3}"), lines().get(1));
    assertTrue(lines().get(0).startsWith("{\"exitCode\":1,\"output\":\"ERROR: the first argument must be one of compile, "), lines().get(0));
  }

  /** A request that fails does not stop the next one, and neither does one with thousands of arguments. */
  @Test
  void survivesFailuresAndHugeRequests(@TempDir Path folder) throws Exception {
    Workshop workshop = new Workshop(folder);
    String file = workshop.write("Good.java", "class Good { }");
    String bad = workshop.write("Bad.java", "class Bad {");
    String[] huge = new String[60_000];
    for (int i = 0; i < huge.length; i += 2) {
      huge[i] = "--more";
      huge[i + 1] = "ü".repeat(100) + i;
    }
    huge[0] = "source";
    huge[1] = "--output";
    String[] good = {"compile", "--label", "//x:y", "--output", workshop.path("a.jar"), "--header", workshop.path("h.jar"), "--source", file};
    String[] failing = good.clone();
    failing[failing.length - 1] = bad;

    assertEquals(0, serve(request(1, failing) + request(2, huge) + request(3, good)));
    assertEquals(List.of("1", "1", "0"), lines().stream().map(line -> line.substring(12, 13)).collect(Collectors.toList()));
    assertTrue(lines().get(0).contains("Bad.java:1: error: reached end of file while parsing"), lines().get(0));
  }

  /** Requests to cancel are not answered: the request's own answer follows. */
  @Test
  void ignoresCancellation() {
    assertEquals(0, serve("{\"cancel\":true,\"requestId\":1}" + request(1, "none")));

    assertEquals(1, lines().size());
  }

  /** A stream that is not a sequence of JSON objects ends the worker, and Bazel starts another one. */
  @ParameterizedTest
  @ValueSource(strings = {"{\"arguments\":[", "[]", "{\"a\":nonsense}", "{\"a\" 1}", "{\"a\":\"\\x\"}", "{,}"})
  void endsAtBrokenStreams(String requests) {
    assertEquals(1, serve(requests));
  }

  /** Strings with escapes, quotes and characters outside of ASCII are read, and written in ASCII. */
  @Test
  void readsAndWritesAllCharacters() throws Exception {
    String text = "{\"a\":\"q\\\"\\\\\\/\\n\\u00e9\uD83D\uDE80\",\"b\":[1,-2.5,true,null,{}]}";
    Json json = new Json(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));

    Object read = json.next().get("a");
    assertEquals("q\"\\/\n\u00e9\uD83D\uDE80", read);
    assertEquals("\"q\\\"\\\\/\\u000a\\u00e9\\ud83d\\ude80\"", Json.quote(read.toString()));
    assertEquals(null, json.next());
  }
}
