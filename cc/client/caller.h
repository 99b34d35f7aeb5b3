// Calls with retries.
#ifndef CC_CLIENT_CALLER_H_
#define CC_CLIENT_CALLER_H_

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "cc/client/tour.h"
#include "cc/common/backoff.h"
#include "cc/common/health_endpoint.h"
#include "cc/common/stopping.h"

namespace turnup {

// Makes calls with retries, and keeps the time of the last response.
class Caller {
 public:
  // `stopping` ends all retries when it is set. `reconnect` replaces the connection; it is called after each failure. `waits`
  // returns the delays between the attempts of one call.
  Caller(StopEvent& stopping, std::function<void()> reconnect, std::function<Backoff()> waits = [] { return Backoff(); })
      : stopping_(stopping), reconnect_(std::move(reconnect)), waits_(std::move(waits)) {}

  // Makes a call, retries it after each failure, and logs the response in one line. Returns false if the client stops.
  bool Make(const Call& call);

  // Returns whether a call succeeded within the last 15 seconds, and why.
  Health Ready() const;

 private:
  using Clock = std::chrono::steady_clock;

  StopEvent& stopping_;
  std::function<void()> reconnect_;
  std::function<Backoff()> waits_;
  mutable std::mutex mutex_;
  std::optional<Clock::time_point> answered_at_;
};

// Returns status and details of a failed call as one line, such as "UNAVAILABLE: details".
std::string Describe(const grpc::Status& status);

}  // namespace turnup

#endif  // CC_CLIENT_CALLER_H_
