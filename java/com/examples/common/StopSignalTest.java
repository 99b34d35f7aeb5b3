package com.examples.common;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import sun.misc.Signal;

/** Tests of the stop event. */
class StopSignalTest {
  /** SIGTERM and SIGINT set the event, and the process continues. */
  @ParameterizedTest
  @ValueSource(strings = {"TERM", "INT"})
  void aSignalSetsTheEvent(String name) {
    StopSignal stopping = StopSignal.install();
    assertFalse(stopping.isSet());

    Signal.raise(new Signal(name));

    assertTrue(stopping.await(Duration.ofSeconds(5)));
    assertTrue(stopping.isSet());
  }

  /** Without a signal, a wait ends after its time. */
  @Test
  void aWaitEndsAfterItsTime() {
    assertFalse(new StopSignal().await(Duration.ofMillis(1)));
  }

  /** An interrupted wait counts as stopped, so that loops end. */
  @Test
  void anInterruptStops() {
    StopSignal stopping = new StopSignal();
    Thread.currentThread().interrupt();

    assertTrue(stopping.await(Duration.ofSeconds(5)));
    assertTrue(Thread.interrupted());
    assertTrue(stopping.isSet());
  }
}
