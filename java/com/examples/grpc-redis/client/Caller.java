package com.examples.grpcredis.client;

import com.examples.common.Backoff;
import com.examples.common.HealthEndpoint;
import com.examples.common.PythonFormat;
import com.examples.common.StopSignal;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.logging.Logger;

/** Makes calls with retries, and keeps the time of the last response. */
final class Caller {
  /** Deadline of one attempt, including the time to connect. */
  static final Duration DEADLINE = Duration.ofSeconds(4);

  /** The client is ready if its last response is not older than this. */
  static final Duration READY_WITHIN = Duration.ofSeconds(15);

  private static final Logger log = Logger.getLogger(Caller.class.getName());

  private final StopSignal stopping;
  private final Runnable reconnect;
  private final LongSupplier clock;
  private final Supplier<? extends Supplier<Duration>> waits;
  private volatile Long answeredAt;

  /**
   * Keeps the settings.
   *
   * @param stopping ends all retries when it is set
   * @param reconnect replaces the connection; called after each failure
   */
  Caller(StopSignal stopping, Runnable reconnect) {
    this(stopping, reconnect, System::nanoTime, Backoff::ofCalls);
  }

  /**
   * Keeps the settings, for tests with another clock.
   *
   * @param stopping ends all retries when it is set
   * @param reconnect replaces the connection; called after each failure
   * @param clock returns a monotonic time in ns
   * @param waits returns the delays between the attempts of one call
   */
  Caller(StopSignal stopping, Runnable reconnect, LongSupplier clock, Supplier<? extends Supplier<Duration>> waits) {
    this.stopping = stopping;
    this.reconnect = reconnect;
    this.clock = clock;
    this.waits = waits;
  }

  /**
   * Makes a call, retries it after each failure, and logs the response in one line.
   *
   * @return true if the call succeeded, false if the client stops
   */
  boolean make(Tour.Call call) {
    long started = clock.getAsLong();
    Supplier<Duration> delays = waits.get();
    for (int attempt = 1; !stopping.isSet(); attempt++) {
      try {
        String answer = call.run(DEADLINE);
        long now = clock.getAsLong();
        answeredAt = now;
        log.info("%s %s (%s ms)".formatted(call.method(), answer, PythonFormat.fixed((now - started) / 1e6, 0)));
        return true;
      } catch (StatusRuntimeException error) {
        Duration wait = delays.get();
        String seconds = PythonFormat.fixed(wait.toNanos() / 1e9, 1);
        log.warning("%s attempt %d failed: %s; again in %s s".formatted(call.method(), attempt, describe(error), seconds));
        stopping.await(wait);
        reconnect.run();
      }
    }
    return false;
  }

  /** Returns status and details of a failed call. */
  static String describe(StatusRuntimeException error) {
    Status status = error.getStatus();
    return status.getCode() + ": " + (status.getDescription() == null ? "" : status.getDescription());
  }

  /** Returns whether a call succeeded within the last READY_WITHIN, and the reason. */
  HealthEndpoint.Result ready() {
    Long at = answeredAt;
    if (at == null) {
      return HealthEndpoint.Result.of(false, "no call has succeeded yet");
    }
    long age = clock.getAsLong() - at;
    String seconds = PythonFormat.fixed(age / 1e9, 1);
    return HealthEndpoint.Result.of(age <= READY_WITHIN.toNanos(), "the last answer came " + seconds + " s ago");
  }

  /**
   * Makes a round of calls periodically, until the client stops.
   *
   * @param rounds returns the calls of a round, given its number
   * @param every time between the starts of two rounds
   */
  void run(IntFunction<List<Tour.Call>> rounds, Duration every) {
    for (int number = 0; ; number = number == Integer.MAX_VALUE ? 0 : number + 1) {
      long due = System.nanoTime() + every.toNanos();
      for (Tour.Call call : rounds.apply(number)) {
        if (!make(call)) {
          return;
        }
      }
      if (stopping.await(Duration.ofNanos(Math.max(0, due - System.nanoTime())))) {
        return;
      }
    }
  }
}
