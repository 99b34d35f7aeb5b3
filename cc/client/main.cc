// RouteGuide's client: calls all four methods repeatedly and logs the responses.
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <system_error>

#include "cc/client/caller.h"
#include "cc/client/channel.h"
#include "cc/client/tour.h"
#include "cc/common/health_endpoint.h"
#include "cc/common/logs.h"
#include "cc/common/settings.h"
#include "cc/common/stopping.h"

namespace turnup {
namespace {

std::string HostName() {
  char name[65] = "";  // at most 64 characters, as the author of a note
  gethostname(name, sizeof name - 1);
  return *name == '\0' ? "unknown" : name;
}

// Makes a round of calls every `every` seconds, until the event is set.
void MakeRounds(ServerConnection& connection, Caller& caller, double every, StopEvent& stopping) {
  using Clock = std::chrono::steady_clock;
  const Stub stub = [&connection]() -> routeguide::v1::RouteGuide::StubInterface& { return connection.stub(); };
  const std::string author = HostName();
  for (int number = 0;; ++number) {
    const Clock::time_point started = Clock::now();
    for (const Call& call : Round(stub, author, number)) {
      if (!caller.Make(call)) return;
    }
    const std::chrono::duration<double> left = started + std::chrono::duration<double>(every) - Clock::now();
    if (stopping.WaitFor(std::max(left, std::chrono::duration<double>(0)))) return;
  }
}

// Makes calls until SIGTERM or SIGINT. Returns the exit code: 0, 1 if the port can't be bound, or 2 for wrong usage.
int Run(const std::vector<std::string>& arguments) {
  Settings settings([](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return std::string(value == nullptr ? "" : value);
  });
  settings.Add("server-host", "SERVER_HOST", "host of the server's Service");
  settings.Add("server-port", "SERVER_PORT", "port of the server's Service");
  settings.Add("port", "PORT", "port of the health endpoint");
  settings.Add("every", "EVERY_S", "seconds between rounds", "2");
  if (arguments == std::vector<std::string>{"--help"}) {
    std::cout << "usage: client [--OPTION VALUE]...\n\n" << settings.Help();
    return 0;
  }
  int port = 0, server_port = 0;
  double every = 0;
  try {
    settings.Parse(arguments);
    server_port = settings.Port("server-port");
    port = settings.Port("port");
    every = settings.Seconds("every");
  } catch (const UsageError& error) {
    std::cerr << "client: error: " << error.what() << "\n";
    return 2;
  }
  static StopEvent stopping;  // lives as long as the thread that waits for signals
  StopOnSignals(stopping);
  ServerConnection connection(settings.Text("server-host"), server_port);
  Caller caller(stopping, [&connection] { connection.ReplaceChannel(); });
  std::optional<HealthEndpoint> endpoint;
  try {
    endpoint.emplace(port, HealthEndpoint::Checks{{"/live", [] { return Health{true, "alive"}; }}, {"/ready", [&caller] { return caller.Ready(); }}});
  } catch (const std::system_error& error) {
    std::cerr << "ERROR: client: can't listen on port " << port << ": " << error.code().message() << "\n";
    return 1;
  }
  LogInfo(Format("calling %s at %s:%d", ServiceName().c_str(), settings.Text("server-host").c_str(), server_port));
  MakeRounds(connection, caller, every, stopping);
  LogInfo("stopping");
  return 0;
}

}  // namespace
}  // namespace turnup

int main(int argc, char** argv) { return turnup::Run({argv + 1, argv + argc}); }
