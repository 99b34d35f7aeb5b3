package com.examples.grpcredis.server;

import com.examples.common.Backoff;
import com.examples.common.StopSignal;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Owner of the current PlaceStore: connects to Redis, writes missing places, probes, and reconnects.
 *
 * <p>If a probe fails, its thread closes the store, reports it and reconnects. It resolves the host again, so it recovers
 * even if all Redis pods have new addresses. A probe also detects lost data, and the thread writes it again.
 */
final class StoreMonitor {
  private static final Logger log = Logger.getLogger(StoreMonitor.class.getName());

  private final Supplier<? extends PlaceStore> connect;
  private final List<Place> places;
  private final Consumer<Boolean> onChange;
  private final Duration probeEvery;
  private final int recheckEvery;
  private final Function<Throwable, String> explain;
  private final StopSignal stopping = new StopSignal();
  private final Thread thread = new Thread(this::run, "store-monitor");
  private volatile PlaceStore store;
  private volatile String reason = "not connected to Redis yet";

  /** There is no usable store at the moment; the text says why. */
  static final class NotReady extends RuntimeException {
    private static final long serialVersionUID = 1;

    NotReady(String reason) {
      super(reason);
    }
  }

  /**
   * Keeps the settings.
   *
   * @param connect returns a connected store, or throws PlaceStore.Unavailable
   * @param places the places that the store must have
   * @param onChange called with true when the store becomes usable, and with false when it no longer is; from the monitor's
   *     thread
   * @param probeEvery time between two probes
   * @param recheckEvery number of probes after which all places are compared and not only counted
   * @param explain returns a sentence on an error that says what to do; "" if it knows nothing better
   */
  StoreMonitor(
      Supplier<? extends PlaceStore> connect,
      List<Place> places,
      Consumer<Boolean> onChange,
      Duration probeEvery,
      int recheckEvery,
      Function<Throwable, String> explain) {
    this.connect = connect;
    this.places = places;
    this.onChange = onChange;
    this.probeEvery = probeEvery;
    this.recheckEvery = recheckEvery;
    this.explain = explain;
    thread.setDaemon(true);
  }

  /** Starts the thread that connects to Redis. */
  void start() {
    thread.start();
  }

  /** Stops the thread and closes the store. */
  void stop() {
    stopping.set();
    try {
      thread.join();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Returns the usable store.
   *
   * @throws NotReady if there is no usable store
   */
  PlaceStore store() {
    PlaceStore current = store;
    if (current == null) {
      throw new NotReady(reason);
    }
    return current;
  }

  private void run() {
    Backoff waits = waits();
    while (!stopping.isSet()) {
      PlaceStore connected = null;
      try {
        connected = connect.get();
        fill(connected);
        waits = waits();
        watch(connected);
      } catch (PlaceStore.Unavailable error) {
        drop(error);
      } catch (RuntimeException fault) { // without its thread the server would never serve again
        log.log(Level.SEVERE, "the store monitor has a fault", fault);
        drop(new PlaceStore.Unavailable(fault));
      } finally {
        store = null; // first, so that no call gets a closed store
        if (connected != null) {
          connected.close();
        }
      }
      stopping.await(waits.get());
    }
  }

  private static Backoff waits() {
    return new Backoff(Duration.ofMillis(200), Duration.ofSeconds(2));
  }

  private void fill(PlaceStore connected) {
    int written = connected.fill(places);
    int missing = connected.missing(places).size();
    if (missing > 0) {
      throw new PlaceStore.PlacesMissing("%d of %d places are missing after writing them".formatted(missing, places.size()));
    }
    log.info("Redis has all %d places (%d written now)".formatted(places.size(), written));
  }

  private void watch(PlaceStore connected) {
    store = connected;
    onChange.accept(true);
    for (int count = 1; !stopping.await(probeEvery); count++) {
      connected.probe(places.size());
      if (count % recheckEvery == 0 && connected.fill(places) > 0) {
        log.warning("some places were missing from Redis and are written again");
      }
    }
  }

  private void drop(PlaceStore.Unavailable error) {
    String explanation = explain.apply(error);
    String now = explanation.isEmpty() ? "Redis does not respond: " + error.describe() : explanation;
    boolean wasUsable = store != null;
    if (wasUsable || !now.equals(reason)) { // log each state once, not each attempt
      log.warning(now);
    }
    reason = now;
    store = null;
    if (wasUsable) {
      onChange.accept(false);
    }
  }
}
