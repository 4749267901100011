// What program and library of `across` share.
#pragma once
#include <stdexcept>
#include <string>

struct Trouble : std::runtime_error {
    int number;
    Trouble(const std::string &text, int number) : std::runtime_error(text), number(number) {}
};
using Callback = void (*)(int);
