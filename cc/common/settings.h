// Command-line options with defaults from environment variables.
//
// A pod's manifest sets the variables; a person at a shell passes the options.
#ifndef CC_COMMON_SETTINGS_H_
#define CC_COMMON_SETTINGS_H_

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace turnup {

// The command line is wrong; the text says what is valid.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The options of a program.
class Settings {
 public:
  using Env = std::function<std::string(const std::string&)>;

  // env returns an environment variable, or "".
  explicit Settings(Env env) : env_(std::move(env)) {}

  // Adds an option, `--name`. It is required if neither its variable nor fallback is set.
  void Add(const std::string& name, const std::string& variable, const std::string& help, const std::string& fallback = "");

  // Reads the arguments, without the program's name: `--name VALUE` or `--name=VALUE`.
  // Throws UsageError for an unknown or missing option.
  void Parse(const std::vector<std::string>& arguments);

  // Returns the value of an option after Parse.
  const std::string& Text(const std::string& name) const { return values_.at(name); }

  // Returns the value of an option as TCP port. Throws UsageError if it is not a number from 1 to 65535.
  int Port(const std::string& name) const;

  // Returns the value of an option in seconds. Throws UsageError unless it is more than 0 and less than 3600.
  double Seconds(const std::string& name) const;

  // Returns a line for each option.
  std::string Help() const;

 private:
  Env env_;
  std::map<std::string, std::string> values_;
  std::map<std::string, std::string> variables_;
  std::vector<std::string> help_;
};

}  // namespace turnup

#endif  // CC_COMMON_SETTINGS_H_
