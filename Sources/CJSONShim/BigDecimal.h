// Conversion of decimals of any size to text.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "Numbers.h"

namespace weir {

// Formats a big-endian two's complement number of the given scale as plain digits without an exponent, e.g. `-0.05`.
// Returns `outOfRange` when the value is too long or the scale would add thousands of zeros.
Parse decimalText(const uint8_t *bytes, size_t count, int64_t scale, std::string &text);

}  // namespace weir
