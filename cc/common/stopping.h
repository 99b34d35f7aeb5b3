// A stop event that SIGTERM and SIGINT set, for loops to wait on.
#ifndef CC_COMMON_STOPPING_H_
#define CC_COMMON_STOPPING_H_

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace turnup {

// An event that is set once.
class StopEvent {
 public:
  void Set();
  bool IsSet();

  // Waits until the event is set, at most for the given time; returns whether it is set.
  bool WaitFor(std::chrono::duration<double> time);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

// Sets the event at the first SIGTERM or SIGINT. Call it before any thread starts, because it blocks the signals in this thread
// and in those that this thread starts. The event must live as long as the process.
void StopOnSignals(StopEvent& event);

}  // namespace turnup

#endif  // CC_COMMON_STOPPING_H_
