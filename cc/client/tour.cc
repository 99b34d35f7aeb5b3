#include "cc/client/tour.h"

#include <utility>

#include "cc/common/logs.h"

namespace turnup {
namespace {

namespace pb = routeguide::v1;

// Positions of the rounds as latitude and longitude: cities on all continents.
constexpr std::pair<double, double> kStops[] = {
    {47.37, 8.54}, {51.51, -0.13}, {40.71, -74.01}, {-33.87, 151.21}, {35.68, 139.69}, {-1.29, 36.82}, {-23.55, -46.63}, {28.61, 77.21},
};
constexpr int kStopCount = sizeof kStops / sizeof *kStops;
constexpr double kAreaKm = 500;
constexpr char kNoteAt[] = "Europe/London";
constexpr int kLegs = 3;

pb::Position Stop(int number) {
  const auto& [latitude, longitude] = kStops[number % kStopCount];
  pb::Position position;
  position.set_latitude(latitude);
  position.set_longitude(longitude);
  return position;
}

// Describes the origin of a response, such as "from redis 10.42.0.5:6379 by server-x".
std::string Origin(const pb::Origin& origin) {
  return "from " + (origin.store().empty() ? "an unknown store" : origin.store()) + " by " + (origin.server().empty() ? "an unknown server" : origin.server());
}

template <typename Names>
std::string JoinWith(const Names& names, const char* separator) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : separator) + std::string(name);
  return text;
}

// Reads a stream to its end.
template <typename Message, typename Reader>
std::vector<Message> ReadAll(Reader& reader) {
  std::vector<Message> answers;
  for (Message answer; reader.Read(&answer);) answers.push_back(answer);
  return answers;
}

Outcome FindPlace(const Stub& stub, grpc::ClientContext& context, int number) {
  pb::FoundPlace answer;
  const grpc::Status status = stub().FindPlace(&context, Stop(number), &answer);
  return {status, Found(answer)};
}

Outcome ListPlaces(const Stub& stub, grpc::ClientContext& context, int number) {
  pb::Area area;
  *area.mutable_center() = Stop(number);
  area.set_radius_km(kAreaKm);
  const auto reader = stub().ListPlaces(&context, area);
  const auto answers = ReadAll<pb::FoundPlace>(*reader);
  return {reader->Finish(), Listed(answers, kAreaKm)};
}

Outcome MeasureRoute(const Stub& stub, grpc::ClientContext& context, int number) {
  pb::RouteSummary answer;
  const auto writer = stub().MeasureRoute(&context, &answer);
  // A failed write means that the call has ended; Finish returns why.
  for (int leg = 0; leg < kLegs && writer->Write(Stop(number + leg)); ++leg) {
  }
  writer->WritesDone();
  return {writer->Finish(), Measured(answer)};
}

Outcome ExchangeNotes(const Stub& stub, grpc::ClientContext& context, const std::string& author, int number) {
  pb::Note note;
  note.set_place(kNoteAt);
  note.set_author(author);
  note.set_text("round " + std::to_string(number));
  const auto stream = stub().ExchangeNotes(&context);
  // Two notes: the response to the second includes the first, so the stream is never empty.
  for (int count = 0; count < 2 && stream->Write(note); ++count) {
  }
  stream->WritesDone();
  const auto answers = ReadAll<pb::KeptNote>(*stream);
  return {stream->Finish(), Exchanged(answers, kNoteAt)};
}

}  // namespace

std::vector<Call> Round(const Stub& stub, const std::string& author, int number) {
  return {
      {"FindPlace", [=](grpc::ClientContext& context) { return FindPlace(stub, context, number); }},
      {"ListPlaces", [=](grpc::ClientContext& context) { return ListPlaces(stub, context, number); }},
      {"MeasureRoute", [=](grpc::ClientContext& context) { return MeasureRoute(stub, context, number); }},
      {"ExchangeNotes", [=](grpc::ClientContext& context) { return ExchangeNotes(stub, context, author, number); }},
  };
}

std::string Found(const pb::FoundPlace& answer) {
  const pb::Place& place = answer.place();
  return Format("answered %s: %s (%s) at %.2f %.2f, %.0f km away", Origin(answer.origin()).c_str(), place.name().c_str(),
                JoinWith(place.countries(), " ").c_str(), place.position().latitude(), place.position().longitude(), answer.distance_km());
}

std::string Listed(const std::vector<pb::FoundPlace>& answers, double radius_km) {
  if (answers.empty()) return Format("answered: no place within %.0f km", radius_km);
  std::vector<std::string> names;
  for (const pb::FoundPlace& answer : answers) names.push_back(answer.place().name());
  return Format("answered %s: %zu within %.0f km: %s", Origin(answers[0].origin()).c_str(), answers.size(), radius_km, JoinWith(names, ", ").c_str());
}

std::string Measured(const pb::RouteSummary& answer) {
  const std::string passed = JoinWith(answer.passed(), ", ");
  return Format("answered %s: %.0f km over %u positions, past %s", Origin(answer.origin()).c_str(), answer.length_km(), answer.positions(),
                passed.empty() ? "no place" : passed.c_str());
}

std::string Exchanged(const std::vector<pb::KeptNote>& answers, const std::string& place) {
  if (answers.empty()) return "answered: no earlier notes at " + place;
  const pb::KeptNote& last = answers.back();
  return Format("answered %s: %zu notes left at %s, the last by %s %u s ago: '%s'", Origin(last.origin()).c_str(), answers.size(), place.c_str(),
                last.note().author().c_str(), last.age_s(), last.note().text().c_str());
}

}  // namespace turnup
