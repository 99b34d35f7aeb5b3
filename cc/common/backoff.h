// Retry delays: exponential backoff with jitter.
#ifndef CC_COMMON_BACKOFF_H_
#define CC_COMMON_BACKOFF_H_

#include <chrono>
#include <random>

namespace turnup {

// Gives the delays between attempts. Delay n is a random number between half of min(limit, first * 2^n) and the whole of it. So
// clients that failed together do not retry together, and none retries at once.
class Backoff {
 public:
  using Seconds = std::chrono::duration<double>;

  explicit Backoff(Seconds first = Seconds(0.2), Seconds limit = Seconds(5)) : bound_(first), limit_(limit) {}

  // Returns the next delay.
  Seconds Next() {
    std::uniform_real_distribution<double> draw(bound_.count() / 2, bound_.count());
    bound_ = std::min(limit_, bound_ * 2);
    return Seconds(draw(random_));
  }

 private:
  Seconds bound_;
  Seconds limit_;
  std::mt19937 random_{std::random_device{}()};
};

}  // namespace turnup

#endif  // CC_COMMON_BACKOFF_H_
