// Rounds of calls to RouteGuide's four methods, each response described in one line.
#ifndef CC_CLIENT_TOUR_H_
#define CC_CLIENT_TOUR_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <string>
#include <vector>

#include "proto/route_guide.grpc.pb.h"

namespace turnup {

// The result of a call: its status, and a description of the response if the status is OK.
struct Outcome {
  grpc::Status status;
  std::string answer;
};

// One RPC of a round.
struct Call {
  // Name of the RPC method.
  std::string method;
  // Makes the call with the given context, which has its deadline.
  std::function<Outcome(grpc::ClientContext&)> run;
};

using Stub = std::function<routeguide::v1::RouteGuide::StubInterface&()>;

// Returns the calls of a round; each round is at another city. `stub` returns the stub for each call, `author` (1 to 64
// characters) is the author of the client's notes.
std::vector<Call> Round(const Stub& stub, const std::string& author, int number);

// Describe responses, each in one line.
std::string Found(const routeguide::v1::FoundPlace& answer);
std::string Listed(const std::vector<routeguide::v1::FoundPlace>& answers, double radius_km);
std::string Measured(const routeguide::v1::RouteSummary& answer);
std::string Exchanged(const std::vector<routeguide::v1::KeptNote>& answers, const std::string& place);

}  // namespace turnup

#endif  // CC_CLIENT_TOUR_H_
