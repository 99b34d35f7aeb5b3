package com.examples.grpcredis.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.RedisClusterClient;
import redis.clients.jedis.RedisCredentials;
import redis.clients.jedis.exceptions.JedisAccessControlException;
import redis.clients.jedis.exceptions.JedisClusterOperationException;
import redis.clients.jedis.exceptions.JedisException;

/** Tests of the store on a Redis Cluster of real processes, and of its login. */
class RedisPlaceStoreTest {
  private static LocalRedisCluster cluster;
  private static RedisPlaceStore store;
  private static RedisClusterClient client;
  private static List<Place> table;

  /** Starts the cluster that the tests share. */
  @BeforeAll
  static void start() throws Exception {
    cluster = new LocalRedisCluster();
    cluster.start();
    cluster.await();
    store = connect();
    List<String> tester = cluster.tester();
    client = RedisClusterClient.create(Set.of(new HostAndPort(cluster.host, cluster.port)), tester.get(0), tester.get(1));
    table = PlaceTable.load();
  }

  @AfterAll
  static void stop() throws Exception {
    client.close();
    store.close();
    cluster.close();
  }

  private static RedisLogin login() {
    return new RedisLogin(cluster.users.resolve("places"));
  }

  private static RedisPlaceStore connect() {
    return RedisPlaceStore.connect(cluster.host, cluster.port, login(), 4);
  }

  /** Filling is idempotent, writes only what is missing or different, and a probe compares the number. */
  @Test
  void fillingIsIdempotent() {
    store.fill(table);
    assertEquals(0, store.fill(table));
    assertEquals(List.of(), store.missing(table));
    store.probe(table.size());
    String missing = assertThrows(PlaceStore.PlacesMissing.class, () -> store.probe(table.size() + 1)).getMessage();
    assertEquals("the index has %d of %d places".formatted(table.size(), table.size() + 1), missing);

    client.hset("place:Europe/Zurich", "latitude", "0");
    client.del("place:Europe/Rome");
    client.zrem("places:index", "Asia/Tokyo");

    Set<String> changed = Set.of("Europe/Zurich", "Europe/Rome", "Asia/Tokyo");
    assertEquals(changed, Set.copyOf(store.missing(table).stream().map(Place::name).toList()));
    assertEquals(3, store.fill(table));
    assertEquals(List.of(), store.missing(table));
  }

  /** Several servers that fill the same empty Redis at once all end with all places. */
  @Test
  void serversFillAtTheSameTime() throws Exception {
    table.forEach(place -> client.del("place:" + place.name()));
    client.del("places:index");
    ExecutorService servers = Executors.newFixedThreadPool(3);
    List<Future<List<Place>>> results = new ArrayList<>();

    for (int i = 0; i < 3; i++) {
      results.add(
          servers.submit(
              () -> {
                try (RedisPlaceStore own = connect()) {
                  own.fill(table);
                  return own.missing(table);
                }
              }));
    }

    for (Future<List<Place>> result : results) {
      assertEquals(List.of(), result.get());
    }
    servers.shutdown();
  }

  /** The hashes have the text that the Python server writes, so that neither server replaces those of the other. */
  @Test
  void theHashesAreThoseOfThePythonServer() {
    store.fill(table);

    Map<String, String> zurich = client.hgetAll("place:Europe/Zurich");
    assertEquals(Set.of("latitude", "longitude", "countries", "remark"), zurich.keySet());
    assertEquals("47.38333333333333 8.533333333333333", zurich.get("latitude") + " " + zurich.get("longitude"));
    assertTrue(zurich.get("countries").startsWith("CH,"), zurich.get("countries"));
  }

  /** Searches and places come from Redis, and each key's origin is a master. */
  @Test
  void searches() throws Exception {
    store.fill(table);

    PlaceStore.Near nearest = store.nearest(47.37, 8.54);
    assertEquals("Europe/Zurich", nearest.name());
    assertTrue(nearest.distanceKm() < 3);
    assertTrue(table.contains(store.get("Europe/Zurich")));
    List<String> near = store.near(47.37, 8.54, 500, 0).stream().map(PlaceStore.Near::name).toList();
    assertEquals(List.of("Europe/Zurich", "Europe/Paris", "Europe/Brussels"), near);
    assertEquals("Nowhere", assertThrows(PlaceStore.UnknownPlace.class, () -> store.get("Nowhere")).name);

    List<String> masters = cluster.masters().stream().map(address -> "redis " + address).toList();
    Set<String> origins = Set.copyOf(table.stream().map(place -> store.origin(PlaceStore.placeKey(place.name()))).toList());
    assertEquals(Set.copyOf(masters), origins);
  }

  /** The last ten notes are kept for an hour, oldest first, and a note that the Python server wrote is one of them. */
  @Test
  void notes() {
    store.fill(table);
    client.del("notes:Europe/Rome");
    client.lpush("notes:Europe/Rome", "{\"author\": \"python\", \"text\": \"caf\\u00e9\", \"at\": 1700000000.25}");

    PlaceStore.StoredNote python = store.leaveNote("Europe/Rome", "a", "\"one\"\n😀").get(0);
    assertEquals("python café", python.author() + " " + python.text());
    assertTrue(python.ageSeconds() > 90_000_000);
    assertEquals(new PlaceStore.StoredNote("a", "\"one\"\n😀", 0), store.leaveNote("Europe/Rome", "b", "two").get(1));

    List<PlaceStore.StoredNote> kept = List.of();
    for (int number = 0; number < 20; number++) {
      kept = store.leaveNote("Europe/Rome", "c", Integer.toString(number));
    }
    assertEquals(List.of("9", "10", "11", "12", "13", "14", "15", "16", "17", "18"), kept.stream().map(PlaceStore.StoredNote::text).toList());
    assertTrue(client.ttl("notes:Europe/Rome") > RedisPlaceStore.NOTES_TTL_S - 60);
    assertThrows(PlaceStore.UnknownPlace.class, () -> store.leaveNote("Nowhere", "a", "x"));
    client.del("notes:Europe/Rome");
  }

  /** Something else under a place's or a note's key is an error of the store, not of the program. */
  @Test
  void otherDataIsUnavailable() {
    client.hset("place:Odd", "latitude", "x");
    client.lpush("notes:Odd", "[1]");

    assertTrue(assertThrows(PlaceStore.Unavailable.class, () -> store.get("Odd")).getMessage().startsWith("place:Odd is not a place"));
    client.hset("place:Odd", Map.of("latitude", "1", "longitude", "2", "countries", "CH", "remark", ""));
    assertTrue(
        assertThrows(PlaceStore.Unavailable.class, () -> store.leaveNote("Odd", "a", "b")).getMessage().contains("is not a note: [1]"));
    client.del("place:Odd");
    client.del("notes:Odd");
  }

  /** A password that Redis refuses is an error that the login explains. */
  @Test
  void aWrongPasswordIsExplained(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("places"), "wrong");
    RedisLogin wrong = new RedisLogin(file);

    PlaceStore.Unavailable error =
        assertThrows(PlaceStore.Unavailable.class, () -> RedisPlaceStore.connect(cluster.host, cluster.port, wrong, 4));

    String sentence = "Redis can't be used as user 'places' with the password in " + file + " (invalid username-password pair";
    assertTrue(wrong.explain(error).startsWith(sentence), error.toString());
  }

  /** An address at which nothing answers is an error within seconds. */
  @Test
  void nothingThereIsUnavailable() {
    PlaceStore.Unavailable error = assertThrows(PlaceStore.Unavailable.class, () -> RedisPlaceStore.connect(cluster.host, 1, login(), 4));

    assertTrue(error.describe().startsWith("JedisClusterOperationException: "), error.describe());
  }

  /** Returns a key of a mounted Secret, which does not exist yet. */
  private static Path mounted(Path folder) throws IOException {
    return Files.createDirectory(folder.resolve("redis-users")).resolve("places");
  }

  /** The user has the file's name, and each new connection gets the password that the file has by then. */
  @Test
  void theFileIsReadForEachConnection(@TempDir Path folder) throws Exception {
    Path file = mounted(folder);
    RedisLogin login = new RedisLogin(file);
    for (String password : new String[] {"first", "second"}) {
      Files.writeString(file, password + "\n");
      RedisCredentials credentials = login.credentials();
      assertEquals("places " + password, credentials.getUser() + " " + new String(credentials.getPassword()));
    }
  }

  private static String sentence(Path file, String reason) {
    return "Redis can't be used as user 'places' with the password in "
        + file
        + " ("
        + reason
        + "). Pods have a changed Secret within two minutes; if this stays, apply Redis, which makes the Secret redis-users, and restart this"
        + " server.";
  }

  /** A password that is missing is one sentence that names user, file and Secret. */
  @Test
  void aMissingPasswordIsOneSentence(@TempDir Path folder) throws Exception {
    Path file = mounted(folder);
    RedisLogin login = new RedisLogin(file);
    RedisLogin.NoPassword missing = assertThrows(RedisLogin.NoPassword.class, login::credentials);
    Files.writeString(file, "\n");
    RedisLogin.NoPassword empty = assertThrows(RedisLogin.NoPassword.class, login::credentials);

    assertEquals(sentence(file, "the password can't be read (there is no such file)"), login.explain(new RuntimeException(missing)));
    assertEquals(sentence(file, "the password is empty"), login.explain(empty));
  }

  /** So is one that Redis refuses, wherever the client library keeps the refusal; other errors are not. */
  @Test
  void aRefusalIsOneSentence(@TempDir Path folder) throws Exception {
    Path file = mounted(folder);
    RedisLogin login = new RedisLogin(file);
    JedisException refused = new JedisAccessControlException("WRONGPASS invalid username-password pair or user is disabled.");
    JedisClusterOperationException all = new JedisClusterOperationException("Could not initialize cluster slots cache.");
    all.addSuppressed(new JedisException("Connection refused"));
    all.addSuppressed(refused);

    String expected = sentence(file, "invalid username-password pair or user is disabled");
    assertEquals(expected, login.explain(new PlaceStore.Unavailable(refused)));
    assertEquals(expected, login.explain(new PlaceStore.Unavailable(all)));
    assertEquals("", login.explain(new JedisException("CLUSTERDOWN")));
    assertEquals("", login.explain(new IllegalStateException("WRONGPASS")));
  }
}
