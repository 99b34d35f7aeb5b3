package com.examples.grpcredis.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redis.clients.jedis.RedisCredentials;
import redis.clients.jedis.exceptions.JedisAccessControlException;
import redis.clients.jedis.exceptions.JedisClusterOperationException;
import redis.clients.jedis.exceptions.JedisException;

/** Tests of the user and password of Redis. */
class RedisLoginTest {
  @TempDir Path folder;
  private Path file;
  private RedisLogin login;

  /** Makes a key of a mounted Secret. */
  @BeforeEach
  void mount() throws IOException {
    Files.createDirectory(folder.resolve("redis-users"));
    file = folder.resolve("redis-users/places");
    login = new RedisLogin(file);
  }

  /** The user has the file's name, and each new connection gets the password that the file has by then. */
  @Test
  void theFileIsReadForEachConnection() throws IOException {
    for (String password : new String[] {"first", "second"}) {
      Files.writeString(file, password + "\n");
      RedisCredentials credentials = login.credentials();
      assertEquals("places " + password, credentials.getUser() + " " + new String(credentials.getPassword()));
    }
  }

  private String sentence(String reason) {
    return "Redis can't be used as user 'places' with the password in "
        + file
        + " ("
        + reason
        + "). Pods have a changed Secret within two minutes; if this stays, apply Redis, which makes the Secret redis-users, and restart this"
        + " server.";
  }

  /** A password that is missing is one sentence that names user, file and Secret. */
  @Test
  void aMissingPasswordIsOneSentence() throws IOException {
    RedisLogin.NoPassword missing = assertThrows(RedisLogin.NoPassword.class, login::credentials);
    Files.writeString(file, "\n");
    RedisLogin.NoPassword empty = assertThrows(RedisLogin.NoPassword.class, login::credentials);

    assertEquals(sentence("the password can't be read (there is no such file)"), login.explain(new RuntimeException(missing)));
    assertEquals(sentence("the password is empty"), login.explain(empty));
  }

  /** So is one that Redis refuses, wherever the client library keeps the refusal; other errors are not. */
  @Test
  void aRefusalIsOneSentence() {
    JedisException refused = new JedisAccessControlException("WRONGPASS invalid username-password pair or user is disabled.");
    JedisClusterOperationException all = new JedisClusterOperationException("Could not initialize cluster slots cache.");
    all.addSuppressed(new JedisException("Connection refused"));
    all.addSuppressed(refused);

    String expected = sentence("invalid username-password pair or user is disabled");
    assertEquals(expected, login.explain(new PlaceStore.Unavailable(refused)));
    assertEquals(expected, login.explain(new PlaceStore.Unavailable(all)));
    assertEquals("", login.explain(new JedisException("CLUSTERDOWN")));
    assertEquals("", login.explain(new IllegalStateException("WRONGPASS")));
  }
}
