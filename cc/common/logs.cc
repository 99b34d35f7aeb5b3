#include "cc/common/logs.h"

#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <mutex>

namespace turnup {
namespace {

void Write(std::string_view level, std::string_view text) {
  static std::mutex mutex;
  const std::string line = LogLine(std::chrono::system_clock::now(), level, text) + "\n";
  const std::lock_guard<std::mutex> lock(mutex);
  std::cerr << line << std::flush;
}

}  // namespace

std::string LogLine(std::chrono::system_clock::time_point time, std::string_view level, std::string_view text) {
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = millis / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
  std::string line = Format("%s.%03dZ ", stamp, static_cast<int>(millis % 1000));
  line.append(level).append(" ");
  bool broken = false;
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      broken = true;
      continue;
    }
    if (broken) line += " | ";
    broken = false;
    line += c;
  }
  return line;
}

void LogInfo(std::string_view text) { Write("INFO", text); }

void LogWarning(std::string_view text) { Write("WARNING", text); }

std::string Format(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  va_list again;
  va_copy(again, arguments);
  const int size = std::vsnprintf(nullptr, 0, format, arguments);
  va_end(arguments);
  std::string text(size < 0 ? 0 : static_cast<size_t>(size), '\0');
  std::vsnprintf(text.data(), text.size() + 1, format, again);
  va_end(again);
  return text;
}

}  // namespace turnup
