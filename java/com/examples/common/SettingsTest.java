package com.examples.common;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests of options with defaults from environment variables. */
class SettingsTest {
  private static int port(Map<String, String> environment, String... arguments) throws Settings.Usage {
    Settings settings = new Settings("x", "Does x.", environment);
    Settings.Option<Integer> port = settings.add("--port", "PORT", "a port", Settings::port);
    settings.parse(arguments);
    return port.value();
  }

  private static Settings.Usage refused(Map<String, String> environment, String... arguments) {
    Settings.Usage usage = assertThrows(Settings.Usage.class, () -> port(environment, arguments));
    assertEquals(2, usage.exitCode);
    return usage;
  }

  /** If both option and variable are set, the option is used, in both of its forms. */
  @Test
  void theOptionWinsOverTheVariable() throws Settings.Usage {
    assertEquals(2, port(Map.of("PORT", "1"), "--port", "2"));
    assertEquals(2, port(Map.of("PORT", "1"), "--port=2"));
  }

  /** Without the option, the variable's value is used and parsed. */
  @Test
  void theVariableIsTheDefault() throws Settings.Usage {
    assertEquals(65535, port(Map.of("PORT", "65535")));
  }

  /** A bad port exits with code 2 and a message that says what is valid. */
  @ParameterizedTest
  @ValueSource(strings = {"", "0", "65536", "x", "-1", "¹", "99999999999"})
  void aBadPortIsWrongUsage(String bad) {
    String text = refused(Map.of(), "--port=" + bad).getMessage();

    assertTrue(text.endsWith("x: error: argument --port: '" + bad + "' is not a port; use a number from 1 to 65535"), text);
  }

  /** A variable's value is checked like an option's. */
  @Test
  void aBadVariableIsWrongUsage() {
    assertTrue(refused(Map.of("PORT", "http")).getMessage().contains("'http' is not a port"));
  }

  /** Without option and variable, the error names the option, and the help text names the variable. */
  @Test
  void aMissingSettingNamesOptionAndVariable() {
    assertTrue(refused(Map.of("PORT", "")).getMessage().endsWith("the following arguments are required: --port"));

    Settings.Usage help = assertThrows(Settings.Usage.class, () -> port(Map.of(), "--help"));
    assertEquals(0, help.exitCode);
    assertTrue(help.getMessage().contains("environment: PORT"), help.getMessage());
  }

  /** An unknown option, and one without its value, are wrong usage. */
  @Test
  void unknownAndIncompleteOptionsAreWrongUsage() {
    assertTrue(refused(Map.of(), "--port=1", "--prot", "2").getMessage().endsWith("unrecognized arguments: --prot 2"));
    assertTrue(refused(Map.of(), "--port").getMessage().endsWith("argument --port: expected one argument"));
  }
}
