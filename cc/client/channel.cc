#include "cc/client/channel.h"

namespace turnup {
namespace {

constexpr int kKeepaliveMs = 10'000;

grpc::ChannelArguments Options() {
  grpc::ChannelArguments options;
  // The server's Service is headless: DNS returns the address of every ready pod, and the channel keeps a connection to each. If
  // a pod or its node is lost, calls use the other pods at once. A pod that reports NOT_SERVING is skipped.
  options.SetServiceConfigJSON(R"({"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ")" + ServiceName() + R"("}})");
  // A lost node does not close its connections; only unanswered pings reveal it.
  options.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  options.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 3'000);
  options.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  options.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Reconnect soon and resolve the name again soon, because pods restart with new addresses.
  options.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  options.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2'000);  // also the timeout of one connection attempt
  options.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 3'000);
  options.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 1'000);
  options.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // the server is in the same cluster, never behind a proxy
  return options;
}

}  // namespace

std::string ServiceName() { return routeguide::v1::RouteGuide::service_full_name(); }

ServerConnection::ServerConnection(const std::string& host, int port) : target_("dns:///" + host + ":" + std::to_string(port)) { ReplaceChannel(); }

void ServerConnection::ReplaceChannel() {
  stub_ = routeguide::v1::RouteGuide::NewStub(grpc::CreateCustomChannel(target_, grpc::InsecureChannelCredentials(), Options()));
}

}  // namespace turnup
