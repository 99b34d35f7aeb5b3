package com.examples.common;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Tests of retry delays. */
class BackoffTest {
  /** A source of numbers that always returns the highest. */
  private static final class Highest extends Random {
    private static final long serialVersionUID = 1;

    @Override
    public double nextDouble() {
      return 1;
    }
  }

  /** The upper bound doubles with each delay, up to the limit. */
  @Test
  void boundsDoubleUpToTheLimit() {
    Backoff longest = new Backoff(Duration.ofMillis(500), Duration.ofSeconds(3), Highest::new);

    List<Long> millis = Stream.generate(longest).limit(5).map(Duration::toMillis).toList();

    assertEquals(List.of(500L, 1000L, 2000L, 3000L, 3000L), millis);
  }

  /** Delays are random durations between half of the bound and the bound. */
  @Test
  void jitterStaysBetweenHalfAndWhole() {
    Duration second = Duration.ofSeconds(1);

    List<Duration> drawn = Stream.generate(new Backoff(second, second)).limit(200).toList();

    assertTrue(drawn.stream().allMatch(delay -> delay.compareTo(second) <= 0 && delay.compareTo(second.dividedBy(2)) >= 0));
    assertTrue(drawn.stream().distinct().count() > 100);
  }

  /** A sequence never overflows, however long an outage lasts. */
  @Test
  void anEndlessOutageKeepsTheLimit() {
    Backoff waits = Backoff.ofCalls();
    Stream.generate(waits).limit(10_000).forEach(delay -> assertTrue(delay.compareTo(Duration.ofSeconds(5)) <= 0));
  }
}
