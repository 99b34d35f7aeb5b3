package com.examples.common;

import java.time.Duration;
import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;

/**
 * Retry delays: exponential backoff with jitter.
 *
 * <p>Delay n is a random duration between half of min(limit, first * 2<sup>n</sup>) and the whole of it. So clients that
 * failed together do not retry together, and none retries at once.
 */
public final class Backoff implements Supplier<Duration> {
  private final Duration limit;
  private final Supplier<? extends Random> random;
  private Duration bound;

  /**
   * Starts a sequence of delays.
   *
   * @param first upper bound of the first delay
   * @param limit upper bound of every delay
   */
  public Backoff(Duration first, Duration limit) {
    this(first, limit, ThreadLocalRandom::current);
  }

  /**
   * Starts a sequence of delays with the given source of random numbers, for tests.
   *
   * @param first upper bound of the first delay
   * @param limit upper bound of every delay
   * @param random returns the source of random numbers; asked for each delay, because some sources belong to one thread
   */
  Backoff(Duration first, Duration limit, Supplier<? extends Random> random) {
    this.bound = first;
    this.limit = limit;
    this.random = random;
  }

  /** Returns the delays between the attempts of one call: 0.2 s at first, at most 5 s. */
  public static Backoff ofCalls() {
    return new Backoff(Duration.ofMillis(200), Duration.ofSeconds(5));
  }

  /** Returns the next delay. */
  @Override
  public Duration get() {
    long whole = bound.toNanos();
    long half = whole / 2;
    bound = bound.multipliedBy(2).compareTo(limit) < 0 ? bound.multipliedBy(2) : limit;
    return Duration.ofNanos(half + (long) (random.get().nextDouble() * (whole - half)));
  }
}
