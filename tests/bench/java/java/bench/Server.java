package bench;

import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;

/** Answers grpc.health.v1 on the port of its first argument. */
public final class Server {
  private Server() {}

  /** Serves until it is stopped. */
  public static void main(String[] arguments) throws Exception {
    HealthStatusManager health = new HealthStatusManager();
    NettyServerBuilder.forPort(Integer.parseInt(arguments[0])).addService(health.getHealthService()).build().start().awaitTermination();
  }
}
