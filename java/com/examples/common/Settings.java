package com.examples.common;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Command-line options with defaults from environment variables.
 *
 * <p>A pod's manifest sets the variables; a person at a shell passes the options, as {@code --port 1} or {@code --port=1}.
 */
public final class Settings {
  private final String program;
  private final String description;
  private final Map<String, String> environment;
  private final Map<String, Option<?>> options = new LinkedHashMap<>();

  /**
   * Starts without options.
   *
   * @param program name of the program, for messages
   * @param description what the program does, for the help text
   * @param environment environment variables
   */
  public Settings(String program, String description, Map<String, String> environment) {
    this.program = program;
    this.description = description;
    this.environment = environment;
  }

  /** Why the options can't be used; the text is what to print. */
  public static final class Usage extends Exception {
    private static final long serialVersionUID = 1;

    /** Exit code: 2 for wrong usage, 0 if the user asked for the help text. */
    public final int exitCode;

    Usage(int exitCode, String text) {
      super(text);
      this.exitCode = exitCode;
    }

    /**
     * Prints the text, to stdout if the user asked for it.
     *
     * @return the exit code
     */
    public int report() {
      (exitCode == 0 ? System.out : System.err).println(getMessage());
      return exitCode;
    }
  }

  /** One option. */
  public static final class Option<T> {
    private final String name;
    private final String variable;
    private final String help;
    private final Function<String, T> parse;
    private final boolean required;
    private String text;
    private T value;

    private Option(String name, String variable, String help, Function<String, T> parse, String text) {
      this.name = name;
      this.variable = variable;
      this.help = help;
      this.parse = parse;
      this.text = text;
      this.required = text == null;
    }

    /** Returns the value; call {@link Settings#parse} first. */
    public T value() {
      return value;
    }

    private String usage() {
      String pair = name + " " + variable;
      return required ? pair : "[" + pair + "]";
    }
  }

  /**
   * Adds an option that is required unless its variable is set.
   *
   * @param name name of the option, with its dashes
   * @param variable name of the environment variable
   * @param help help text of the option
   * @param parse parses a value; throws IllegalArgumentException that says what is valid
   */
  public <T> Option<T> add(String name, String variable, String help, Function<String, T> parse) {
    return add(name, variable, help, parse, null);
  }

  /**
   * Adds an option.
   *
   * @param name name of the option, with its dashes
   * @param variable name of the environment variable; the value of an empty one is the default
   * @param help help text of the option
   * @param parse parses a value; throws IllegalArgumentException that says what is valid
   * @param defaultText value if neither option nor variable is set; null if one is required
   */
  public <T> Option<T> add(String name, String variable, String help, Function<String, T> parse, String defaultText) {
    String set = environment.getOrDefault(variable, "");
    Option<T> option = new Option<>(name, variable, help, parse, set.isEmpty() ? defaultText : set);
    options.put(name, option);
    return option;
  }

  /**
   * Reads the command line and gives every option its value.
   *
   * @param arguments the command line
   * @throws Usage if something is missing, unknown or malformed, or the user asked for help
   */
  public void parse(String... arguments) throws Usage {
    List<String> unknown = new ArrayList<>();
    for (int i = 0; i < arguments.length; i++) {
      String argument = arguments[i];
      if (argument.equals("-h") || argument.equals("--help")) {
        throw new Usage(0, help());
      }
      int equals = argument.indexOf('=');
      Option<?> option = options.get(equals < 0 ? argument : argument.substring(0, equals));
      if (option == null) {
        unknown.add(argument);
      } else if (equals >= 0) {
        option.text = argument.substring(equals + 1);
      } else if (i + 1 < arguments.length) {
        option.text = arguments[++i];
      } else {
        throw wrong("argument " + option.name + ": expected one argument");
      }
    }
    for (Option<?> option : options.values()) {
      convert(option);
    }
    String missing = options.values().stream().filter(option -> option.text == null).map(option -> option.name).collect(Collectors.joining(", "));
    if (!missing.isEmpty()) {
      throw wrong("the following arguments are required: " + missing);
    }
    if (!unknown.isEmpty()) {
      throw wrong("unrecognized arguments: " + String.join(" ", unknown));
    }
  }

  private <T> void convert(Option<T> option) throws Usage {
    if (option.text == null) {
      return;
    }
    try {
      option.value = option.parse.apply(option.text);
    } catch (IllegalArgumentException invalid) {
      throw wrong("argument " + option.name + ": " + invalid.getMessage());
    }
  }

  private Usage wrong(String text) {
    return new Usage(2, usage() + "\n" + program + ": error: " + text);
  }

  private String usage() {
    return "usage: " + program + " [-h] " + options.values().stream().map(Option::usage).collect(Collectors.joining(" "));
  }

  private String help() {
    StringBuilder text = new StringBuilder(usage()).append("\n\n").append(description).append("\n\noptions:");
    for (Option<?> option : options.values()) {
      text.append("\n  %-28s %s (environment: %s)".formatted(option.name + " " + option.variable, option.help, option.variable));
    }
    return text.toString();
  }

  /**
   * Parses a TCP port.
   *
   * @param text a number from 1 to 65535
   * @throws IllegalArgumentException if the text is not such a number
   */
  public static int port(String text) {
    if (text.matches("[0-9]{1,9}")) {
      int number = Integer.parseInt(text);
      if (1 <= number && number <= 65535) {
        return number;
      }
    }
    throw new IllegalArgumentException(PythonFormat.quoted(text) + " is not a port; use a number from 1 to 65535");
  }
}
