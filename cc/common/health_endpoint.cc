#include "cc/common/health_endpoint.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>

namespace turnup {
namespace {

constexpr int kPollMs = 200;
// A client that sends nothing must not hold up the probes of others for long.
constexpr timeval kTimeout{1, 0};
constexpr size_t kMostBytes = 8192;

[[noreturn]] void Fail(int socket) {
  const int error = errno;
  if (socket >= 0) close(socket);
  throw std::system_error(error, std::generic_category());
}

// Returns the first line of a request; what was received until an error or a time-out.
std::string ReadRequestLine(int connection) {
  std::string request;
  char buffer[1024];
  while (request.find("\r\n\r\n") == std::string::npos && request.size() < kMostBytes) {
    const ssize_t size = recv(connection, buffer, sizeof buffer, 0);
    if (size <= 0) break;
    request.append(buffer, static_cast<size_t>(size));
  }
  return request.substr(0, request.find("\r\n"));
}

}  // namespace

HealthEndpoint::HealthEndpoint(int port, Checks checks) : checks_(std::move(checks)) {
  listener_ = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener_ < 0) Fail(listener_);
  const int on = 1, off = 0;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(listener_, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);  // IPv4, too
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_any;
  address.sin6_port = htons(static_cast<uint16_t>(port));
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, generic, size) != 0 || listen(listener_, 16) != 0 || getsockname(listener_, generic, &size) != 0) Fail(listener_);
  port_ = ntohs(address.sin6_port);
  thread_ = std::thread([this] { Serve(); });
}

HealthEndpoint::~HealthEndpoint() {
  stopping_ = true;
  thread_.join();
  close(listener_);
}

void HealthEndpoint::Serve() {
  while (!stopping_) {
    pollfd ready{listener_, POLLIN, 0};
    if (poll(&ready, 1, kPollMs) <= 0) continue;
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &kTimeout, sizeof kTimeout);
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &kTimeout, sizeof kTimeout);
    Respond(connection);
    close(connection);
  }
}

void HealthEndpoint::Respond(int connection) const {
  const std::string line = ReadRequestLine(connection);
  constexpr std::string_view kGet = "GET ";
  std::string status = "400 Bad Request", body = "use GET";
  if (line.compare(0, kGet.size(), kGet) == 0) {
    const std::string path = line.substr(kGet.size(), line.find(' ', kGet.size()) - kGet.size());
    const auto check = checks_.find(path);
    if (check == checks_.end()) {
      status = "404 Not Found";
      body = "unknown path; use one of";
      for (const auto& [known, unused] : checks_) body += " " + known;
    } else {
      const Health health = check->second();
      status = health.healthy ? "200 OK" : "503 Service Unavailable";
      body = health.detail;
    }
  }
  body += "\n";
  const std::string response = "HTTP/1.1 " + status + "\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
                               "\r\nConnection: close\r\n\r\n" + body;
  for (size_t sent = 0; sent < response.size();) {
    const ssize_t size = send(connection, response.data() + sent, response.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) return;
    sent += static_cast<size_t>(size);
  }
}

}  // namespace turnup
