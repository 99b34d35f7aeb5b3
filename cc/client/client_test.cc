// Tests of the client's calls, against a server in this process.
#include <gtest/gtest.h>

#include <atomic>

#include "cc/client/caller.h"
#include "cc/client/channel.h"
#include "cc/client/tour.h"

namespace turnup {
namespace {

namespace pb = routeguide::v1;

// A server that answers each method with what it got, after as many failures as are set.
class Echo final : public pb::RouteGuide::Service {
 public:
  std::atomic<int> failures = 0;

  grpc::Status FindPlace(grpc::ServerContext*, const pb::Position* request, pb::FoundPlace* answer) override {
    if (failures-- > 0) return {grpc::StatusCode::UNAVAILABLE, "not yet"};
    *answer = Place(*request);
    return grpc::Status::OK;
  }

  grpc::Status ListPlaces(grpc::ServerContext*, const pb::Area* request, grpc::ServerWriter<pb::FoundPlace>* writer) override {
    writer->Write(Place(request->center()));
    writer->Write(Place(request->center()));
    return grpc::Status::OK;
  }

  grpc::Status MeasureRoute(grpc::ServerContext*, grpc::ServerReader<pb::Position>* reader, pb::RouteSummary* answer) override {
    pb::Position position;
    while (reader->Read(&position)) answer->set_positions(answer->positions() + 1);
    answer->set_length_km(12.4);
    return grpc::Status::OK;
  }

  grpc::Status ExchangeNotes(grpc::ServerContext*, grpc::ServerReaderWriter<pb::KeptNote, pb::Note>* stream) override {
    pb::Note note;
    while (stream->Read(&note)) {
      pb::KeptNote kept;
      *kept.mutable_note() = note;
      stream->Write(kept);
    }
    return grpc::Status::OK;
  }

 private:
  static pb::FoundPlace Place(const pb::Position& position) {
    pb::FoundPlace found;
    found.mutable_place()->set_name("A/B");
    found.mutable_place()->add_countries("CH");
    found.mutable_place()->add_countries("DE");
    *found.mutable_place()->mutable_position() = position;
    found.set_distance_km(1.6);
    found.mutable_origin()->set_server("server-1");
    found.mutable_origin()->set_store("redis 10.0.0.1:6379");
    return found;
  }
};

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&echo_);
    server_ = builder.BuildAndStart();
    server_->GetHealthCheckService()->SetServingStatus(ServiceName(), true);
    connection_ = std::make_unique<ServerConnection>("127.0.0.1", port_);
  }

  std::vector<Call> Calls() {
    return Round([this]() -> pb::RouteGuide::StubInterface& { return connection_->stub(); }, "me", 3);
  }

  Echo echo_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ServerConnection> connection_;
};

// A round calls all four methods and describes each response as the Python client does.
TEST_F(ClientTest, RoundCallsAllMethods) {
  std::vector<std::string> answers;
  for (const Call& call : Calls()) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    context.set_wait_for_ready(true);
    const Outcome outcome = call.run(context);
    EXPECT_TRUE(outcome.status.ok()) << Describe(outcome.status);
    answers.push_back(call.method + " " + outcome.answer);
  }

  EXPECT_EQ(answers, (std::vector<std::string>{
                         "FindPlace answered from redis 10.0.0.1:6379 by server-1: A/B (CH DE) at -33.87 151.21, 2 km away",
                         "ListPlaces answered from redis 10.0.0.1:6379 by server-1: 2 within 500 km: A/B, A/B",
                         "MeasureRoute answered from an unknown store by an unknown server: 12 km over 3 positions, past no place",
                         "ExchangeNotes answered from an unknown store by an unknown server: 2 notes left at Europe/London, the last by me 0 s ago: 'round 3'",
                     }));
}

// Empty streams have a description of their own.
TEST(TourTest, EmptyStreams) {
  EXPECT_EQ(Listed({}, 500), "answered: no place within 500 km");
  EXPECT_EQ(Exchanged({}, "A/B"), "answered: no earlier notes at A/B");
}

// A failed call is made again over a new connection until it succeeds; then the client is ready.
TEST_F(ClientTest, RetriesUntilSuccess) {
  StopEvent stopping;
  int reconnected = 0;
  Caller caller(
      stopping,
      [&] {
        ++reconnected;
        connection_->ReplaceChannel();
      },
      [] { return Backoff(Backoff::Seconds(0.01), Backoff::Seconds(0.01)); });
  echo_.failures = 2;
  EXPECT_FALSE(caller.Ready().healthy);

  EXPECT_TRUE(caller.Make(Calls()[0]));

  EXPECT_EQ(reconnected, 2);
  EXPECT_TRUE(caller.Ready().healthy);
}

// A client that stops makes no further attempt.
TEST_F(ClientTest, StopsRetrying) {
  StopEvent stopping;
  Caller caller(stopping, [&] { stopping.Set(); }, [] { return Backoff(Backoff::Seconds(0.01)); });
  echo_.failures = 100;

  EXPECT_FALSE(caller.Make(Calls()[0]));

  EXPECT_EQ(echo_.failures, 99);
  EXPECT_EQ(caller.Ready().detail, "no call has succeeded yet");
}

// A failure is described by the name of its code and its details.
TEST(CallerTest, DescribesFailures) {
  EXPECT_EQ(Describe({grpc::StatusCode::DEADLINE_EXCEEDED, "late"}), "DEADLINE_EXCEEDED: late");
  EXPECT_EQ(Describe({grpc::StatusCode::UNAUTHENTICATED, "who"}), "UNAUTHENTICATED: who");
}

}  // namespace
}  // namespace turnup

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
