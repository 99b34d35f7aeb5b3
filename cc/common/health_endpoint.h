// HTTP endpoint for probes.
#ifndef CC_COMMON_HEALTH_ENDPOINT_H_
#define CC_COMMON_HEALTH_ENDPOINT_H_

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>

namespace turnup {

// The result of a check: healthy or not, and why.
struct Health {
  bool healthy;
  std::string detail;
};

// HTTP server with one check per path. It responds 200 if the check is healthy, 503 if not, and 404 for an unknown path.
class HealthEndpoint {
 public:
  using Checks = std::map<std::string, std::function<Health()>>;

  // Listens on all addresses, and responds in a thread of its own. Port 0 is a free one, see port().
  // Throws std::system_error if the port can't be bound.
  HealthEndpoint(int port, Checks checks);
  ~HealthEndpoint();
  HealthEndpoint(const HealthEndpoint&) = delete;
  HealthEndpoint& operator=(const HealthEndpoint&) = delete;

  int port() const { return port_; }

 private:
  void Serve();
  void Respond(int connection) const;

  Checks checks_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace turnup

#endif  // CC_COMMON_HEALTH_ENDPOINT_H_
