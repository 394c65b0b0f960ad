// Decimals of any size, as text.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "Numbers.h"

namespace weir {

// Out of range is what would have thousands of digits more than the value, or than anybody computes with.
// A big-endian two's complement number of that scale as plain digits: `-0.05`, without an exponent.
Parse decimalText(const uint8_t *bytes, size_t count, int64_t scale, std::string &text);

}  // namespace weir
