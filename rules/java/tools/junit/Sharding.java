package rules.java.tools.junit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Which part of the tests this process runs. */
final class Sharding {
  final int total;
  final int index;

  private Sharding(int total, int index) {
    this.total = total;
    this.index = index;
  }

  /**
   * Returns what Bazel asks for, and tells it that this runner can shard.
   *
   * @param environment the variables that Bazel sets
   * @throws TestError the variables are not numbers
   */
  static Sharding of(Map<String, String> environment) throws TestError, IOException {
    String status = environment.getOrDefault("TEST_SHARD_STATUS_FILE", "");
    if (!status.isEmpty()) {
      Files.writeString(Path.of(status), "");
    }
    int total = number(environment, "TEST_TOTAL_SHARDS", 1);
    int index = number(environment, "TEST_SHARD_INDEX", 0);
    if (total < 1 || index < 0 || index >= total) {
      throw new TestError("TEST_SHARD_INDEX is " + index + " of TEST_TOTAL_SHARDS " + total + ". It must be less.");
    }
    return new Sharding(total, index);
  }

  private static int number(Map<String, String> environment, String name, int otherwise) throws TestError {
    String value = environment.getOrDefault(name, "");
    try {
      return value.isEmpty() ? otherwise : Integer.parseInt(value);
    } catch (NumberFormatException error) {
      throw new TestError(name + " is \"" + value + "\", which is not a number.");
    }
  }
}
