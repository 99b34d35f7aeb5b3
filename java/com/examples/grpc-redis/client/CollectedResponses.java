package com.examples.grpcredis.client;

import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** Responses of one call, collected until it ends. */
final class CollectedResponses<A> implements StreamObserver<A> {
  private final List<A> collected = new ArrayList<>();
  private final CompletableFuture<List<A>> result = new CompletableFuture<>();

  @Override
  public void onNext(A response) {
    collected.add(response);
  }

  @Override
  public void onError(Throwable error) {
    result.completeExceptionally(error);
  }

  @Override
  public void onCompleted() {
    result.complete(collected);
  }

  /**
   * Waits for the end of the call and returns its responses.
   *
   * @throws io.grpc.StatusRuntimeException if the call failed
   */
  List<A> get() {
    try {
      return result.get();
    } catch (ExecutionException failed) {
      throw Status.fromThrowable(failed.getCause()).asRuntimeException();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw Status.CANCELLED.withDescription("interrupted").asRuntimeException();
    }
  }
}
