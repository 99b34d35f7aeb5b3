#include "cc/common/stopping.h"

#include <csignal>
#include <thread>

namespace turnup {

void StopEvent::Set() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    set_ = true;
  }
  changed_.notify_all();
}

bool StopEvent::IsSet() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return set_;
}

bool StopEvent::WaitFor(std::chrono::duration<double> time) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return set_; });
}

void StopOnSignals(StopEvent& event) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A thread that waits for the signals may use locks, which a signal handler may not.
  std::thread([&event, signals] {
    int number = 0;
    sigwait(&signals, &number);
    event.Set();
  }).detach();
}

}  // namespace turnup
