package com.examples.common;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Security;

/** This host's name, and how long looked-up addresses of other hosts are remembered. */
public final class Hosts {
  private static final Path KERNEL_NAME = Path.of("/proc/sys/kernel/hostname");

  private Hosts() {}

  /** Returns the name of this host; in a pod, the pod's name. */
  public static String name() {
    try {
      return Files.readString(KERNEL_NAME).strip();
    } catch (IOException notLinux) {
      try {
        return InetAddress.getLocalHost().getHostName();
      } catch (UnknownHostException nameless) {
        return "localhost";
      }
    }
  }

  /**
   * Lets Java remember an address for one second only.
   *
   * <p>Its default is 30 s, and pods get new addresses at any time. Call it before the first lookup. Java reads the
   * security property and gRPC the system property of the same name.
   */
  public static void forgetAddressesSoon() {
    Security.setProperty("networkaddress.cache.ttl", "1");
    Security.setProperty("networkaddress.cache.negative.ttl", "1");
    System.setProperty("networkaddress.cache.ttl", "1");
  }
}
