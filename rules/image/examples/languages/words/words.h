#ifndef WORDS_WORDS_H_
#define WORDS_WORDS_H_

#include <string>

// Returns a greeting for a name.
std::string Greeting(const std::string& name);

#endif  // WORDS_WORDS_H_
