// Tests of what every C++ service of the sample needs.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <system_error>

#include "cc/common/backoff.h"
#include "cc/common/health_endpoint.h"
#include "cc/common/logs.h"
#include "cc/common/settings.h"
#include "cc/common/stopping.h"

namespace turnup {
namespace {

// A record is one line with time in UTC, level and text.
TEST(LogsTest, RecordIsOneLine) {
  const std::chrono::system_clock::time_point time{std::chrono::milliseconds(1769860800123)};

  EXPECT_EQ(LogLine(time, "INFO", "first\nsecond 2\n"), "2026-01-31T12:00:00.123Z INFO first | second 2");
}

// Each delay is between half of its bound and its bound, and the bounds double up to the limit.
TEST(BackoffTest, DelaysDouble) {
  Backoff backoff(Backoff::Seconds(0.2), Backoff::Seconds(1));

  for (const double bound : {0.2, 0.4, 0.8, 1.0, 1.0}) {
    const double delay = backoff.Next().count();
    EXPECT_GE(delay, bound / 2);
    EXPECT_LE(delay, bound);
  }
}

Settings WithPort(const std::string& variable) {
  Settings settings([variable](const std::string& name) { return name == "PORT" ? variable : ""; });
  settings.Add("port", "PORT", "a port");
  settings.Add("every", "EVERY_S", "seconds", "2");
  return settings;
}

// If both option and variable are set, the option is used; without the option, the variable; without both, the fallback.
TEST(SettingsTest, OptionWinsOverVariable) {
  Settings settings = WithPort("1");
  settings.Parse({});
  EXPECT_EQ(settings.Port("port"), 1);
  EXPECT_EQ(settings.Seconds("every"), 2);
  settings.Parse({"--port", "65535", "--every=0.5"});
  EXPECT_EQ(settings.Port("port"), 65535);
  EXPECT_EQ(settings.Seconds("every"), 0.5);
}

// A value that is not valid is wrong usage, with a message that says what is.
TEST(SettingsTest, BadValuesAreWrongUsage) {
  for (const std::string bad : {"0", "65536", "x", "-1", "1x", " 1"}) {
    Settings settings = WithPort(bad);
    settings.Parse({"--every", bad + "x"});
    EXPECT_THROW(settings.Port("port"), UsageError) << bad;
    EXPECT_THROW(settings.Seconds("every"), UsageError) << bad;
  }
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{{}, {"--port"}, {"--other=1"}, {"more"}}) {
    EXPECT_THROW(WithPort("").Parse(arguments), UsageError);
  }
}

// The help names each option with its variable.
TEST(SettingsTest, HelpNamesOptions) { EXPECT_NE(WithPort("").Help().find("--port PORT  a port (environment: PORT)"), std::string::npos); }

// Sends a request to a port of this machine, and returns the response.
std::string Ask(int port, const std::string& request) {
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  EXPECT_EQ(connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(send(client, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  std::string response;
  char buffer[4096];
  for (ssize_t size; (size = recv(client, buffer, sizeof buffer, 0)) > 0;) response.append(buffer, static_cast<size_t>(size));
  close(client);
  return response;
}

// The status is 200 for a healthy check, 503 for another, and 404 with the known paths for an unknown path.
TEST(HealthEndpointTest, StatusFollowsTheCheck) {
  HealthEndpoint endpoint(0, {{"/yes", [] { return Health{true, "fine"}; }}, {"/no", [] { return Health{false, "not yet"}; }}});

  const auto get = [&](const std::string& path) { return Ask(endpoint.port(), "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"); };
  EXPECT_EQ(get("/yes").find("HTTP/1.1 200 OK\r\n"), 0u);
  EXPECT_NE(get("/yes").find("\r\n\r\nfine\n"), std::string::npos);
  EXPECT_EQ(get("/no").find("HTTP/1.1 503 "), 0u);
  EXPECT_NE(get("/other").find("unknown path; use one of /no /yes\n"), std::string::npos);
  EXPECT_EQ(Ask(endpoint.port(), "POST /yes HTTP/1.1\r\n\r\n").find("HTTP/1.1 400 "), 0u);
}

// A client that closes its connection early does not stop the endpoint.
TEST(HealthEndpointTest, SurvivesAnEarlyClose) {
  HealthEndpoint endpoint(0, {{"/yes", [] { return Health{true, "fine"}; }}});
  const int client = socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  address.sin6_port = htons(static_cast<uint16_t>(endpoint.port()));
  ASSERT_EQ(connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  close(client);

  EXPECT_EQ(Ask(endpoint.port(), "GET /yes HTTP/1.1\r\n\r\n").find("HTTP/1.1 200 OK\r\n"), 0u);
}

// A second endpoint on the same port is an error with the system's text.
TEST(HealthEndpointTest, PortInUse) {
  HealthEndpoint first(0, {});

  EXPECT_THROW(HealthEndpoint(first.port(), {}), std::system_error);
}

// SIGTERM sets the event and ends nothing.
TEST(StoppingTest, SignalSetsTheEvent) {
  static StopEvent event;
  StopOnSignals(event);
  EXPECT_FALSE(event.WaitFor(std::chrono::milliseconds(1)));

  kill(getpid(), SIGTERM);

  EXPECT_TRUE(event.WaitFor(std::chrono::seconds(5)));
  EXPECT_TRUE(event.IsSet());
}

}  // namespace
}  // namespace turnup

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
