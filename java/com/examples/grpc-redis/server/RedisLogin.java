package com.examples.grpcredis.server;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import redis.clients.jedis.DefaultRedisCredentials;
import redis.clients.jedis.RedisCredentials;
import redis.clients.jedis.exceptions.JedisException;

/**
 * A file with the password of a user of Redis.
 *
 * <p>The file is a key of a mounted Secret: its name is that of the user, and its folder's that of the Secret. It is read for
 * each new connection, so that a changed Secret needs no restart.
 */
final class RedisLogin {
  /** Codes of Redis's refusals that are about user or password. */
  private static final List<String> REFUSALS = List.of("WRONGPASS ", "NOAUTH ", "NOPERM ");

  private final Path file;

  RedisLogin(Path file) {
    this.file = file;
  }

  /** There is no password to send. */
  static final class NoPassword extends JedisException {
    private static final long serialVersionUID = 1;

    NoPassword(String message) {
      super(message);
    }
  }

  private String user() {
    return file.getFileName().toString();
  }

  /**
   * Returns user and password for a new connection.
   *
   * @throws NoPassword if the file can't be read or is empty
   */
  RedisCredentials credentials() {
    String password;
    try {
      password = Files.readString(file, StandardCharsets.UTF_8).stripTrailing();
    } catch (NoSuchFileException missing) {
      throw new NoPassword("the password can't be read (there is no such file)");
    } catch (IOException error) {
      throw new NoPassword("the password can't be read (" + error.getClass().getSimpleName() + ")");
    }
    if (password.isEmpty()) {
      throw new NoPassword("the password is empty");
    }
    return new DefaultRedisCredentials(user(), password);
  }

  /** Returns one sentence on an error that is about user or password, "" for others. */
  String explain(Throwable error) {
    String reason = reason(error);
    if (reason.isEmpty()) {
      return "";
    }
    Path secret = file.toAbsolutePath().getParent().getFileName();
    return ("Redis can't be used as user '%s' with the password in %s (%s). Pods have a changed Secret within two minutes; if this stays, "
            + "apply Redis, which makes the Secret %s, and restart this server.")
        .formatted(user(), file, reason, secret);
  }

  /** Returns why Redis refused the user; looks at causes, and at the errors of other attempts. */
  private static String reason(Throwable error) {
    if (error == null) {
      return "";
    }
    String text = error.getMessage() == null ? "" : error.getMessage();
    if (error instanceof NoPassword) {
      return text;
    }
    for (String code : REFUSALS) {
      if (error instanceof JedisException && text.startsWith(code)) {
        String sentence = text.substring(code.length());
        return sentence.endsWith(".") ? sentence.substring(0, sentence.length() - 1) : sentence;
      }
    }
    for (Throwable other : error.getSuppressed()) {
      String found = reason(other);
      if (!found.isEmpty()) {
        return found;
      }
    }
    return reason(error.getCause());
  }
}
