// Prints a greeting for its first argument.
#include <unistd.h>

#include <iostream>

#include "rules/image/examples/languages/words/words.h"

int main(int, char** argv) { std::cout << Greeting(argv[1]) << ", from user " << getuid() << "\n"; }
