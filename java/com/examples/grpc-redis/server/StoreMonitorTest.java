package com.examples.grpcredis.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Tests of the store monitor with an in-memory store. */
class StoreMonitorTest {
  private static final List<Place> PLACES =
      List.of(new Place("A/One", 1, 2, List.of("AA"), ""), new Place("B/Two", 3, 4, List.of("BB"), ""));

  private static final Map<String, String> EXPLANATIONS = Map.of("wrong", "the password is wrong");

  private final List<Scene> scenes = new ArrayList<>();

  /** A monitor that connects to the given stores in turn, and the changes that it reports. */
  private final class Scene {
    final BlockingQueue<Boolean> changes = new LinkedBlockingQueue<>();
    final StoreMonitor monitor;

    Scene(Object... outcomes) {
      Iterator<Object> left = List.of(outcomes).iterator();
      monitor = new StoreMonitor(() -> connect(left.next()), PLACES, changes::add, Duration.ofMillis(10), 2, error -> EXPLANATIONS.getOrDefault(error.getMessage(), ""));
      monitor.start();
      scenes.add(this);
    }

    private PlaceStore connect(Object outcome) {
      if (outcome instanceof RuntimeException error) {
        throw error;
      }
      return (PlaceStore) outcome;
    }

    /** Waits for the next reported change and returns it. */
    boolean change() throws InterruptedException {
      Boolean change = changes.poll(10, TimeUnit.SECONDS);
      assertTrue(change != null, "no change is reported");
      return change;
    }
  }

  @AfterEach
  void stop() {
    scenes.forEach(scene -> scene.monitor.stop());
  }

  /** The monitor reports a usable store when the store has all places. */
  @Test
  void writesPlacesBeforeItReportsReady() throws InterruptedException {
    FakePlaceStore store = new FakePlaceStore();
    Scene running = new Scene(store);

    assertTrue(running.change());
    assertSame(store, running.monitor.store());
    assertEquals(List.of(), store.missing(PLACES));
  }

  /** After a refused connection the monitor tries again. */
  @Test
  void connectsAgainUntilRedisResponds() throws InterruptedException {
    assertTrue(new Scene(new PlaceStore.Unavailable("refused"), new FakePlaceStore()).change());
  }

  /** A fault of the program is not the end of the monitor either. */
  @Test
  void aFaultIsNotTheEnd() throws InterruptedException {
    assertTrue(new Scene(new IllegalArgumentException("a fault"), new FakePlaceStore()).change());
  }

  /** Before the first connection, store() throws NotReady with the reason. */
  @Test
  void notReadySaysWhy() {
    StoreMonitor monitor = new StoreMonitor(FakePlaceStore::new, PLACES, change -> {}, Duration.ofMillis(10), 2, error -> "");

    assertEquals("not connected to Redis yet", assertThrows(StoreMonitor.NotReady.class, monitor::store).getMessage());
  }

  /** If Redis fails, the monitor reports it once, closes the store and connects to a new one. */
  @Test
  void aLostRedisIsReportedAndReplaced() throws InterruptedException {
    FakePlaceStore first = new FakePlaceStore();
    FakePlaceStore second = new FakePlaceStore();
    Scene running = new Scene(first, second);
    assertTrue(running.change());

    first.down = true;

    assertEquals(false, running.change());
    assertTrue(running.change());
    assertTrue(first.closed);
    assertSame(second, running.monitor.store());
  }

  /** While Redis is lost, calls get the error's kind and text. */
  @Test
  void aLostRedisIsTheReason() throws InterruptedException {
    FakePlaceStore store = new FakePlaceStore();
    FakePlaceStore gone = new FakePlaceStore();
    gone.down = true;
    Scene running = new Scene(store, gone, gone, gone, gone, gone, gone, gone, gone);
    assertTrue(running.change());

    store.down = true;

    assertEquals(false, running.change());
    String reason = assertThrows(StoreMonitor.NotReady.class, running.monitor::store).getMessage();
    assertEquals("Redis does not respond: Unavailable: Connection refused.", reason);
  }

  /** What an error explains is the reason that calls get. */
  @Test
  void aBetterExplanationIsTheReason() throws InterruptedException {
    PlaceStore.Unavailable wrong = new PlaceStore.Unavailable("wrong");
    Scene running = new Scene(wrong, wrong, wrong, wrong, wrong, wrong, wrong, wrong);

    String reason = "";
    for (int i = 0; i < 1000 && !reason.equals("the password is wrong"); i++) {
      Thread.sleep(10);
      reason = assertThrows(StoreMonitor.NotReady.class, running.monitor::store).getMessage();
    }

    assertEquals("the password is wrong", reason);
  }

  /** A place that disappears from Redis is written again. */
  @Test
  void lostPlacesAreWrittenAgain() throws InterruptedException {
    FakePlaceStore store = new FakePlaceStore();
    Scene running = new Scene(store, store);
    assertTrue(running.change());

    store.forget("A/One");
    for (int i = 0; i < 1000 && !store.missing(PLACES).isEmpty(); i++) {
      Thread.sleep(10);
    }

    assertEquals(List.of(), store.missing(PLACES));
  }
}
