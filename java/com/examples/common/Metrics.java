package com.examples.common;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Metrics in the Prometheus format: number and duration of gRPC calls by method and status, and those of the JVM.
 *
 * <p>One call adds each: {@link #server} or {@link #client} to a server or a channel, and {@link #page} to the checks of a
 * {@link HealthEndpoint}.
 */
public final class Metrics {
  private final PrometheusRegistry registry = new PrometheusRegistry();

  /** Starts with the metrics of the JVM: memory, garbage collection, threads. */
  public Metrics() {
    JvmMetrics.builder().register(registry);
  }

  /** Counts and times the calls of one side. */
  private final class Calls {
    private final Counter started;
    private final Histogram handled;

    Calls(String side) {
      started =
          Counter.builder()
              .name("grpc_" + side + "_started")
              .help("Calls that were started on the " + side + ".")
              .labelNames("grpc_service", "grpc_method")
              .register(registry);
      handled =
          Histogram.builder()
              .name("grpc_" + side + "_handling_seconds")
              .help("Seconds until a call ended, by its status.")
              .labelNames("grpc_service", "grpc_method", "grpc_code")
              .classicOnly()
              .register(registry);
    }

    /** Counts a call that starts now. */
    Running start(MethodDescriptor<?, ?> method) {
      started.labelValues(method.getServiceName(), method.getBareMethodName()).inc();
      long begin = System.nanoTime();
      AtomicBoolean ended = new AtomicBoolean(); // a call can be both closed and cancelled
      return status -> {
        if (ended.compareAndSet(false, true)) {
          handled
              .labelValues(method.getServiceName(), method.getBareMethodName(), status.getCode().name())
              .observe((System.nanoTime() - begin) / 1e9);
        }
      };
    }
  }

  /** A call that has not ended. */
  private interface Running {
    /** Records the end of the call. */
    void end(Status status);
  }

  /** Returns an interceptor that counts and times the calls of a server. */
  public ServerInterceptor server() {
    Calls calls = new Calls("server");
    return new ServerInterceptor() {
      @Override
      public <Q, A> ServerCall.Listener<Q> interceptCall(ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        Running running = calls.start(call.getMethodDescriptor());
        ServerCall<Q, A> counted =
            new SimpleForwardingServerCall<Q, A>(call) {
              @Override
              public void close(Status status, Metadata trailers) {
                running.end(status);
                super.close(status, trailers);
              }
            };
        return new SimpleForwardingServerCallListener<Q>(next.startCall(counted, headers)) {
          @Override
          public void onCancel() { // gRPC does not close a call that the client gave up
            running.end(Status.CANCELLED);
            super.onCancel();
          }
        };
      }
    };
  }

  /** Returns an interceptor that counts and times the calls of a client. */
  public ClientInterceptor client() {
    Calls calls = new Calls("client");
    return new ClientInterceptor() {
      @Override
      public <Q, A> ClientCall<Q, A> interceptCall(MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
        return new SimpleForwardingClientCall<Q, A>(next.newCall(method, options)) {
          @Override
          public void start(Listener<A> listener, Metadata headers) {
            Running running = calls.start(method);
            super.start(
                new SimpleForwardingClientCallListener<A>(listener) {
                  @Override
                  public void onClose(Status status, Metadata trailers) {
                    running.end(status);
                    super.onClose(status, trailers);
                  }
                },
                headers);
          }
        };
      }
    };
  }

  /** Returns all metrics as a page for Prometheus. */
  public HealthEndpoint.Result page() throws IOException {
    PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();
    ByteArrayOutputStream stream = new ByteArrayOutputStream();
    writer.write(stream, registry.scrape());
    return new HealthEndpoint.Result(true, writer.getContentType(), stream.toString(StandardCharsets.UTF_8));
  }
}
