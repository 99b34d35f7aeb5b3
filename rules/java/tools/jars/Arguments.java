package rules.java.tools.jars;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The arguments of one action: `--flag value`, each flag as often as it has values. */
public final class Arguments {
  private final Map<String, List<String>> values = new LinkedHashMap<>();

  public Arguments(List<String> arguments) throws UserError {
    if (arguments.size() % 2 != 0) {
      throw new UserError("ERROR: " + arguments.get(arguments.size() - 1) + ": the value is missing");
    }
    for (int i = 0; i < arguments.size(); i += 2) {
      values.computeIfAbsent(arguments.get(i), flag -> new ArrayList<>()).add(arguments.get(i + 1));
    }
  }

  /**
   * Returns arguments with each `@file` replaced by the lines of that file.
   *
   * <p>Bazel 4 keeps text as one character per byte and encodes it as UTF-8 again in the files and requests of actions; newer
   * versions write the bytes themselves. The rules send {@code --encoding é} last. If it arrives as two characters, every
   * argument was encoded twice and is decoded once more.
   */
  public static List<String> expand(List<String> arguments) throws IOException {
    List<String> all = new ArrayList<>();
    for (String argument : arguments) {
      if (argument.startsWith("@") && Files.exists(Path.of(argument.substring(1)))) {
        all.addAll(Files.readAllLines(Path.of(argument.substring(1))));
      } else {
        all.add(argument);
      }
    }
    int encoding = all.size() - 2;
    if (encoding < 0 || !all.get(encoding).equals("--encoding")) {
      return all;
    }
    boolean twice = !all.get(encoding + 1).equals("é");
    all = all.subList(0, encoding);
    if (twice) {
      all.replaceAll(Arguments::decodedOnce);
    }
    return all;
  }

  /** Decodes text that was encoded twice; text that cannot come from a UTF-8 BUILD file stays as it is. */
  public static String decodedOnce(String text) {
    if (text.chars().anyMatch(c -> c > 0xff)) {
      return text;
    }
    try {
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1));
      return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    } catch (CharacterCodingException notUtf8) {
      return text;
    }
  }

  /** Returns all values of a flag, in order. */
  public List<String> all(String flag) {
    return values.getOrDefault(flag, List.of());
  }

  /** Returns the values of a flag as paths. */
  public List<Path> paths(String flag) {
    List<Path> paths = new ArrayList<>();
    all(flag).forEach(value -> paths.add(Path.of(value)));
    return paths;
  }

  /** Returns the only value of a flag that must be there. */
  public String one(String flag) throws UserError {
    List<String> all = all(flag);
    if (all.size() != 1) {
      throw new UserError("ERROR: " + flag + " must be given once, not " + all.size() + " times");
    }
    return all.get(0);
  }

  /** Returns the only value of a flag, or a default. */
  public String one(String flag, String otherwise) throws UserError {
    return all(flag).isEmpty() ? otherwise : one(flag);
  }
}
