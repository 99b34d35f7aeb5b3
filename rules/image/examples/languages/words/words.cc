#include "rules/image/examples/languages/words/words.h"

std::string Greeting(const std::string& name) { return "hello " + name; }
