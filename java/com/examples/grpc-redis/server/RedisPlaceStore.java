package com.examples.grpcredis.server;

import com.examples.common.PythonFormat;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import redis.clients.jedis.AbstractPipeline;
import redis.clients.jedis.Connection;
import redis.clients.jedis.ConnectionPool;
import redis.clients.jedis.ConnectionPoolConfig;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.GeoCoordinate;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.RedisClusterClient;
import redis.clients.jedis.Response;
import redis.clients.jedis.args.GeoUnit;
import redis.clients.jedis.exceptions.JedisException;
import redis.clients.jedis.params.GeoSearchParam;
import redis.clients.jedis.providers.ClusterConnectionProvider;
import redis.clients.jedis.resps.GeoRadiusResponse;
import redis.clients.jedis.util.JedisClusterCRC16;

/**
 * Places and notes in the Redis Cluster, with the same keys and values as those of the sample's other servers.
 *
 * <pre>
 * places:index     geo set of all names, for searches by position
 * place:NAME       hash of one place: latitude, longitude, countries, remark
 * notes:NAME       list of the last notes at a place, newest first, each a JSON object
 * </pre>
 */
final class RedisPlaceStore implements PlaceStore {
  static final int NOTES_KEPT = 10;
  static final int NOTES_TTL_S = 3600;

  private static final int SLOTS = 16384;
  private static final int CONNECT_TIMEOUT_MS = 1000;
  private static final int REPLY_TIMEOUT_MS = 2000;

  /** One command, so that two servers that leave notes at the same time lose none, and redirects are followed. */
  private static final String LEAVE_NOTE =
      """
      local earlier = redis.call('LRANGE', KEYS[1], 0, ARGV[2] - 1)
      redis.call('LPUSH', KEYS[1], ARGV[1])
      redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
      redis.call('EXPIRE', KEYS[1], ARGV[3])
      return earlier
      """;

  private final ClusterConnectionProvider nodes;
  private final RedisClusterClient client;

  private RedisPlaceStore(ClusterConnectionProvider nodes, RedisClusterClient client) {
    this.nodes = nodes;
    this.client = client;
  }

  /**
   * Connects to a Redis Cluster.
   *
   * <p>Each store resolves the host again and finds the nodes only through it. So a new store works even if all nodes have
   * new addresses.
   *
   * @param host name or address of any node
   * @param port port of the nodes
   * @param login user and password
   * @param connections maximum number of connections to one node
   * @throws Unavailable if no node responds, or some slots have no master
   */
  static RedisPlaceStore connect(String host, int port, RedisLogin login, int connections) {
    JedisClientConfig config =
        DefaultJedisClientConfig.builder()
            .connectionTimeoutMillis(CONNECT_TIMEOUT_MS)
            .socketTimeoutMillis(REPLY_TIMEOUT_MS)
            .credentialsProvider(login::credentials)
            .build();
    ConnectionPoolConfig pool = new ConnectionPoolConfig();
    pool.setMaxTotal(connections);
    pool.setMaxIdle(connections);
    pool.setMaxWait(Duration.ofMillis(REPLY_TIMEOUT_MS));
    return guarded(
        () -> {
          Set<HostAndPort> entry = Set.of(new HostAndPort(host, port));
          // Ours and not the builder's, because the client does not tell which node owns a slot.
          ClusterConnectionProvider nodes = new ClusterConnectionProvider(entry, config, pool);
          RedisClusterClient client =
              RedisClusterClient.builder()
                  .nodes(entry) // the builder demands them even beside a provider
                  .connectionProvider(nodes)
                  .clientConfig(config)
                  .maxAttempts(3)
                  .maxTotalRetriesDuration(Duration.ofMillis(2L * REPLY_TIMEOUT_MS))
                  .build();
          RedisPlaceStore store = new RedisPlaceStore(nodes, client);
          try {
            store.checkCoverage();
          } catch (RuntimeException error) {
            store.close();
            throw error;
          }
          return store;
        });
  }

  private void checkCoverage() {
    int covered = 0;
    for (int slot = 0; slot < SLOTS; slot++) {
      covered += nodes.getNode(slot) == null ? 0 : 1;
    }
    if (covered < SLOTS) {
      throw new Unavailable("only %d of %d slots have a master".formatted(covered, SLOTS));
    }
  }

  /** Runs an action, with the errors of the client library as {@link Unavailable}. */
  private static <T> T guarded(Supplier<T> action) {
    try {
      return action.get();
    } catch (JedisException error) {
      throw new Unavailable(error);
    } catch (IllegalStateException error) { // a pipelined reply that did not arrive, because its node is gone
      throw new Unavailable(error);
    }
  }

  @Override
  public void close() {
    client.close();
  }

  @Override
  public String origin(String key) {
    HostAndPort node = nodes.getNode(JedisClusterCRC16.getSlot(key));
    return node == null ? "redis" : "redis " + node;
  }

  private static Map<String, String> fields(Place place) {
    return Map.of(
        "latitude", PythonFormat.shortest(place.latitude()),
        "longitude", PythonFormat.shortest(place.longitude()),
        "countries", String.join(",", place.countries()),
        "remark", place.remark());
  }

  @Override
  public List<Place> missing(List<Place> places) {
    return guarded(
        () -> {
          List<Response<Map<String, String>>> hashes = new ArrayList<>();
          try (AbstractPipeline pipeline = client.pipelined()) {
            places.forEach(place -> hashes.add(pipeline.hgetAll(PlaceStore.placeKey(place.name()))));
          }
          List<GeoCoordinate> positions = client.geopos(INDEX, places.stream().map(Place::name).toArray(String[]::new));
          List<Place> result = new ArrayList<>();
          for (int i = 0; i < places.size(); i++) {
            boolean same = hashes.get(i).get().entrySet().containsAll(fields(places.get(i)).entrySet());
            if (positions.get(i) == null || !same) {
              result.add(places.get(i));
            }
          }
          return result;
        });
  }

  @Override
  public int fill(List<Place> places) {
    List<Place> lacking = missing(places);
    if (lacking.isEmpty()) {
      return 0;
    }
    return guarded(
        () -> {
          List<Response<?>> written = new ArrayList<>();
          try (AbstractPipeline pipeline = client.pipelined()) {
            lacking.forEach(place -> written.add(pipeline.hset(PlaceStore.placeKey(place.name()), fields(place))));
          }
          written.forEach(Response::get); // throws the error of a command that Redis refused
          Map<String, GeoCoordinate> positions = new HashMap<>();
          lacking.forEach(place -> positions.put(place.name(), new GeoCoordinate(place.longitude(), place.latitude())));
          client.geoadd(INDEX, positions);
          return lacking.size();
        });
  }

  @Override
  public void probe(int expected) {
    long found =
        guarded(
            () -> {
              for (ConnectionPool master : nodes.getPrimaryNodes().values()) {
                try (Connection connection = master.getResource()) {
                  connection.ping();
                }
              }
              return client.zcard(INDEX);
            });
    if (found < expected) {
      throw new PlacesMissing("the index has %d of %d places".formatted(found, expected));
    }
  }

  @Override
  public Place get(String name) {
    Map<String, String> fields = guarded(() -> client.hgetAll(PlaceStore.placeKey(name)));
    if (fields.isEmpty()) {
      throw new UnknownPlace(name);
    }
    try {
      return new Place(
          name,
          Double.parseDouble(fields.get("latitude")),
          Double.parseDouble(fields.get("longitude")),
          List.of(fields.get("countries").split(",", -1)),
          fields.get("remark"));
    } catch (NullPointerException | NumberFormatException malformed) {
      throw new Unavailable(PlaceStore.placeKey(name) + " is not a place: " + fields); // the monitor writes it again
    }
  }

  @Override
  public List<Near> near(double latitude, double longitude, double radiusKm, int limit) {
    GeoSearchParam search = new GeoSearchParam().fromLonLat(longitude, latitude).byRadius(radiusKm, GeoUnit.KM).asc().withDist();
    if (limit > 0) {
      search.count(limit);
    }
    List<GeoRadiusResponse> rows = guarded(() -> client.geosearch(INDEX, search));
    return rows.stream().map(row -> new Near(row.getMemberByString(), row.getDistance())).toList();
  }

  @Override
  public List<StoredNote> leaveNote(String name, String author, String text) {
    get(name);
    BigDecimal now = BigDecimal.valueOf(System.currentTimeMillis(), 3);
    JsonObject note = new JsonObject();
    note.addProperty("author", author);
    note.addProperty("text", text);
    note.addProperty("at", now);
    List<String> arguments = List.of(note.toString(), Integer.toString(NOTES_KEPT), Integer.toString(NOTES_TTL_S));
    List<?> rows = (List<?>) guarded(() -> client.eval(LEAVE_NOTE, List.of(PlaceStore.notesKey(name)), arguments));
    List<StoredNote> earlier = new ArrayList<>();
    rows.forEach(row -> earlier.add(stored(name, (String) row, now)));
    Collections.reverse(earlier);
    return earlier;
  }

  private static StoredNote stored(String name, String row, BigDecimal now) {
    try {
      JsonObject note = JsonParser.parseString(row).getAsJsonObject();
      int age = now.subtract(note.get("at").getAsBigDecimal()).max(BigDecimal.ZERO).intValue();
      return new StoredNote(note.get("author").getAsString(), note.get("text").getAsString(), age);
    } catch (JsonParseException | IllegalStateException | NullPointerException | NumberFormatException malformed) {
      throw new Unavailable(PlaceStore.notesKey(name) + " has something that is not a note: " + row);
    }
  }
}
