// Log format: one line per record, on stderr, with the time in UTC; the same as in the Python services.
#ifndef CC_COMMON_LOGS_H_
#define CC_COMMON_LOGS_H_

#include <chrono>
#include <string>
#include <string_view>

namespace turnup {

// Returns `2026-01-31T12:00:00.123Z INFO text`, without a newline. Newlines in the text become a bar, so that a multi-line
// message is still one record.
std::string LogLine(std::chrono::system_clock::time_point time, std::string_view level, std::string_view text);

// Writes a line with the present time to stderr. It is safe to call from several threads.
void LogInfo(std::string_view text);
void LogWarning(std::string_view text);

// Returns a text as printf formats it.
[[gnu::format(printf, 1, 2)]] std::string Format(const char* format, ...);

}  // namespace turnup

#endif  // CC_COMMON_LOGS_H_
