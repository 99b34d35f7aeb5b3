// gRPC channel of the client, configured to recover from the loss of pods and nodes within seconds.
#ifndef CC_CLIENT_CHANNEL_H_
#define CC_CLIENT_CHANNEL_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "proto/route_guide.grpc.pb.h"

namespace turnup {

// Full name of the service, for logs and health checks.
std::string ServiceName();

// Connection to the service, with a channel that can be replaced.
//
// gRPC backs off between two lookups of a name that does not resolve, up to two minutes, whatever the channel's options say.
// After an outage of the whole service a client would wait that long. A new channel resolves the name at once.
class ServerConnection {
 public:
  // The channel goes to all servers behind host:port, and connects lazily.
  ServerConnection(const std::string& host, int port);

  // Returns the stub of the present channel.
  routeguide::v1::RouteGuide::Stub& stub() { return *stub_; }

  // Replaces the channel. No call may run on the old one.
  void ReplaceChannel();

 private:
  std::string target_;
  std::unique_ptr<routeguide::v1::RouteGuide::Stub> stub_;
};

}  // namespace turnup

#endif  // CC_CLIENT_CHANNEL_H_
