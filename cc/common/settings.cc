#include "cc/common/settings.h"

#include <charconv>

namespace turnup {

void Settings::Add(const std::string& name, const std::string& variable, const std::string& help, const std::string& fallback) {
  const std::string value = env_(variable);
  values_[name] = value.empty() ? fallback : value;
  variables_[name] = variable;
  help_.push_back("  --" + name + " " + variable + "  " + help + " (environment: " + variable + ")\n");
}

void Settings::Parse(const std::vector<std::string>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(0, 2) == "--" ? argument.substr(2, equals == std::string::npos ? equals : equals - 2) : "";
    const auto option = values_.find(name);
    if (option == values_.end()) throw UsageError("unrecognized argument: " + argument);
    if (equals != std::string::npos) {
      option->second = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      option->second = arguments[++i];
    } else {
      throw UsageError("argument --" + name + ": expected one value");
    }
  }
  for (const auto& [name, value] : values_) {
    if (value.empty()) throw UsageError("--" + name + " is required; pass it, or set " + variables_.at(name));
  }
}

int Settings::Port(const std::string& name) const {
  const std::string& text = Text(name);
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535) {
    throw UsageError("argument --" + name + ": '" + text + "' is not a port; use a number from 1 to 65535");
  }
  return port;
}

double Settings::Seconds(const std::string& name) const {
  const std::string& text = Text(name);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value > 0 && value < 3600)) {
    throw UsageError("argument --" + name + ": '" + text + "' is not valid; use a number of seconds between 0 and 3600");
  }
  return value;
}

std::string Settings::Help() const {
  std::string text;
  for (const std::string& line : help_) text += line;
  return text;
}

}  // namespace turnup
