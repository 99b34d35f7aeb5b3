package com.examples.grpcredis.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.examples.common.StopSignal;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Tests of retries and of the client's readiness. */
class CallerTest {
  private static final StatusRuntimeException UNAVAILABLE = Status.UNAVAILABLE.withDescription("nobody\nthere").asRuntimeException();

  private final Logger log = Logger.getLogger(Caller.class.getName());
  private final List<String> lines = new ArrayList<>();
  private final StopSignal stopping = new StopSignal();
  private final AtomicInteger reconnected = new AtomicInteger();
  private final Handler recorder =
      new Handler() {
        @Override
        public void publish(LogRecord record) {
          lines.add(record.getLevel() + " " + record.getMessage());
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  @BeforeEach
  void record() {
    log.addHandler(recorder);
  }

  @AfterEach
  void restore() {
    log.removeHandler(recorder);
  }

  private Caller caller(LongSupplier clock) {
    return new Caller(stopping, reconnected::incrementAndGet, clock, () -> () -> Duration.ofMillis(1));
  }

  /** Returns a call that throws or returns the outcomes in turn. */
  private static Tour.Call call(Object... outcomes) {
    Iterator<Object> left = List.of(outcomes).iterator();
    return new Tour.Call() {
      @Override
      public String method() {
        return "Method";
      }

      @Override
      public String run(Duration deadline) {
        assertEquals(Caller.DEADLINE, deadline);
        Object outcome = left.next();
        if (outcome instanceof StatusRuntimeException error) {
          throw error;
        }
        return (String) outcome;
      }
    };
  }

  /** The log line of a response has method, response and duration. */
  @Test
  void anAnswerIsLogged() {
    AtomicLong now = new AtomicLong();

    assertTrue(caller(() -> now.getAndAdd(12_400_000)).make(call("answered: yes")));
    assertEquals(List.of("INFO Method answered: yes (12 ms)"), lines);
  }

  /** Each failure is logged as a warning and replaces the connection, until the call succeeds. */
  @Test
  void failuresAreLoggedAndTriedAgain() {
    assertTrue(caller(System::nanoTime).make(call(UNAVAILABLE, Status.INTERNAL.asRuntimeException(), "answered")));

    assertEquals(2, reconnected.get());
    assertEquals(
        List.of(
            "WARNING Method attempt 1 failed: UNAVAILABLE: nobody\nthere; again in 0.0 s",
            "WARNING Method attempt 2 failed: INTERNAL: ; again in 0.0 s"),
        lines.subList(0, 2));
  }

  /** After the stop event, no call is made. */
  @Test
  void noAttemptAfterTheStop() {
    stopping.set();

    assertFalse(caller(System::nanoTime).make(call()));
  }

  /** The client is ready only if its last response is recent. */
  @Test
  void readyDependsOnTheLastResponse() {
    AtomicLong now = new AtomicLong(100);
    Caller caller = caller(now::get);

    assertEquals("no call has succeeded yet\n", caller.ready().detail());
    assertFalse(caller.ready().healthy());
    caller.make(call("answered"));
    assertEquals("the last answer came 0.0 s ago\n", caller.ready().detail());
    assertTrue(caller.ready().healthy());
    now.addAndGet(Caller.READY_WITHIN.plusSeconds(1).toNanos());
    assertEquals("the last answer came 16.0 s ago\n", caller.ready().detail());
    assertFalse(caller.ready().healthy());
  }

  /** Rounds are made until the stop event is set. */
  @Test
  void roundsContinueUntilStopped() {
    List<Integer> made = new ArrayList<>();

    caller(System::nanoTime)
        .run(
            number -> {
              made.add(number);
              if (number == 3) {
                stopping.set();
              }
              return List.of(call("answered"));
            },
            Duration.ofMillis(1));

    assertEquals(List.of(0, 1, 2, 3), made);
    assertEquals(3, lines.size());
  }
}
