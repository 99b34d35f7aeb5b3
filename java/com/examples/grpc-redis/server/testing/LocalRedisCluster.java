package com.examples.grpcredis.server;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A Redis Cluster of real processes on this machine, run by the program in $CLUSTER_PROGRAM. */
final class LocalRedisCluster implements AutoCloseable {
  private final Process process;
  private final PrintWriter commands;
  private final BufferedReader replies;

  /** Name of the first pod's host. */
  final String host;

  /** Port of all pods. */
  final int port;

  /** Folder with a file for each user, which has its password. */
  final Path users;

  /** Plans the cluster; no pod runs yet. */
  LocalRedisCluster() throws IOException {
    process =
        new ProcessBuilder(System.getenv("CLUSTER_PROGRAM")).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    commands = new PrintWriter(process.getOutputStream(), true, StandardCharsets.UTF_8);
    replies = process.inputReader(StandardCharsets.UTF_8);
    String[] address = reply().split(" ");
    host = address[0];
    port = Integer.parseInt(address[1]);
    users = Path.of(address[2]);
  }

  private String reply() throws IOException {
    String line = replies.readLine();
    if (line == null || line.startsWith("ERROR")) {
      throw new IOException("the cluster's program answered: " + line);
    }
    return line;
  }

  private String obey(String command) throws IOException {
    commands.println(command);
    return reply();
  }

  /** Starts all pods. */
  void start() throws IOException {
    obey("start");
  }

  /** Waits until the cluster is ready. */
  void await() throws IOException {
    obey("wait");
  }

  /** Kills all pods. */
  void kill() throws IOException {
    obey("kill");
  }

  /** Deletes the data of all pods, which must not run. */
  void wipe() throws IOException {
    obey("wipe");
  }

  /** Makes a user of all pods that may do everything, and returns its name and password. */
  List<String> tester() throws IOException {
    return List.of(obey("tester").split(" "));
  }

  /** Makes all running pods keep their passwords, whatever the files have. */
  void keepPasswords() throws IOException {
    obey("keep");
  }

  /** Returns HOST:PORT of all masters. */
  List<String> masters() throws IOException {
    return List.of(obey("masters").split(" "));
  }

  /** Kills all pods and the program. */
  @Override
  public void close() throws IOException {
    commands.close();
    try {
      if (!process.waitFor(30, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException interrupted) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
