package hello;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests of Greeting. */
class GreetingTest {
  /** A greeting has the name. */
  @Test
  void greetsByName() {
    assertEquals("Hello, Ada!", Greeting.of("Ada"));
  }

  /** Any text is a name. */
  @ParameterizedTest
  @ValueSource(strings = {"", "Grace Hopper", "Ünïcødé"})
  void takesAnyName(String name) {
    assertEquals("Hello, " + name + "!", Greeting.of(name));
  }
}
