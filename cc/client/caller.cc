#include "cc/client/caller.h"

#include "cc/common/logs.h"

namespace turnup {
namespace {

// Deadline of one attempt, including the time to connect.
constexpr std::chrono::seconds kDeadline(4);
// The client is ready if its last response is not older than this.
constexpr std::chrono::seconds kReadyWithin(15);

double Seconds(std::chrono::steady_clock::duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

bool Caller::Make(const Call& call) {
  const Clock::time_point started = Clock::now();
  Backoff waits = waits_();
  for (int attempt = 1; !stopping_.IsSet(); ++attempt) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    context.set_wait_for_ready(true);
    const Outcome outcome = call.run(context);
    if (outcome.status.ok()) {
      const Clock::time_point now = Clock::now();
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        answered_at_ = now;
      }
      LogInfo(Format("%s %s (%.0f ms)", call.method.c_str(), outcome.answer.c_str(), Seconds(now - started) * 1000));
      return true;
    }
    const Backoff::Seconds wait = waits.Next();
    LogWarning(Format("%s attempt %d failed: %s; again in %.1f s", call.method.c_str(), attempt, Describe(outcome.status).c_str(), wait.count()));
    stopping_.WaitFor(wait);
    reconnect_();
  }
  return false;
}

Health Caller::Ready() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!answered_at_) return {false, "no call has succeeded yet"};
  const Clock::duration age = Clock::now() - *answered_at_;
  return {age <= kReadyWithin, Format("the last answer came %.1f s ago", Seconds(age))};
}

std::string Describe(const grpc::Status& status) {
  // The names of the codes, in their order (https://grpc.io/docs/guides/status-codes/).
  static constexpr const char* kNames[] = {
      "OK",           "CANCELLED", "UNKNOWN",      "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",   "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
      "FAILED_PRECONDITION", "ABORTED",   "OUT_OF_RANGE", "UNIMPLEMENTED",    "INTERNAL",          "UNAVAILABLE", "DATA_LOSS",      "UNAUTHENTICATED",
  };
  const auto code = static_cast<size_t>(status.error_code());
  return std::string(code < sizeof kNames / sizeof *kNames ? kNames[code] : "UNKNOWN") + ": " + status.error_message();
}

}  // namespace turnup
