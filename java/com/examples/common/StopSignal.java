package com.examples.common;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import sun.misc.Signal;

/** Stop event that SIGTERM and SIGINT set, for loops to wait on. */
public final class StopSignal {
  private final CountDownLatch stopped = new CountDownLatch(1);

  /**
   * Returns an event that SIGTERM and SIGINT set.
   *
   * <p>It handles the signals itself. A shutdown hook would run beside the hook that closes the log, and lose the last
   * lines, and the process would exit with 143 although it stopped as it should.
   */
  public static StopSignal install() {
    StopSignal result = new StopSignal();
    for (String name : new String[] {"TERM", "INT"}) {
      Signal.handle(new Signal(name), signal -> result.set());
    }
    return result;
  }

  /** Sets the event. */
  public void set() {
    stopped.countDown();
  }

  /** Returns whether the event is set. */
  public boolean isSet() {
    return stopped.getCount() == 0;
  }

  /**
   * Waits until the event is set.
   *
   * @param longest the longest time to wait
   * @return whether the event is set
   */
  public boolean await(Duration longest) {
    try {
      return stopped.await(longest.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException interrupted) {
      set(); // whoever interrupts a waiting loop wants it to stop
      Thread.currentThread().interrupt();
      return true;
    }
  }

  /** Waits until the event is set. */
  public void await() {
    await(Duration.ofNanos(Long.MAX_VALUE));
  }
}
