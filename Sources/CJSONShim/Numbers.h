// Parses numbers from raw text. Only floating-point columns use a double.
#pragma once
#include <cstdint>
#include <string_view>

namespace weir {

using Int128 = __int128;
using UInt128 = unsigned __int128;

// How reading a value ended.
enum class Parse : uint8_t {
    ok,
    malformed,   // not of the form the type wants
    outOfRange,  // of the form, but the type cannot hold it
    inexact,     // digits would be lost
};

// A JSON integer: no fraction, no exponent.
inline Parse parseInteger(std::string_view text, int64_t &value) {
    const char *p = text.data(), *end = p + text.size();
    bool isNegative = p < end && *p == '-';
    if (isNegative) p++;
    size_t count = size_t(end - p);
    if (count == 0 || (*p == '0' && count > 1)) return Parse::malformed;
    uint64_t magnitude = 0;
    const char *safe = count > 18 ? p + 18 : end;
    for (; p < safe; p++) {
        unsigned digit = unsigned(uint8_t(*p)) - '0';
        if (digit > 9) return Parse::malformed;
        magnitude = magnitude * 10 + digit;
    }
    for (; p < end; p++) {
        unsigned digit = unsigned(uint8_t(*p)) - '0';
        if (digit > 9) return Parse::malformed;
        if (__builtin_mul_overflow(magnitude, uint64_t(10), &magnitude) ||
            __builtin_add_overflow(magnitude, uint64_t(digit), &magnitude)) {
            while (++p < end) {
                if (unsigned(uint8_t(*p)) - '0' > 9) return Parse::malformed;
            }
            return Parse::outOfRange;
        }
    }
    if (magnitude > uint64_t(INT64_MAX) + isNegative) return Parse::outOfRange;
    value = isNegative ? int64_t(0 - magnitude) : int64_t(magnitude);
    return Parse::ok;
}

// A JSON number, rounded to the nearest value of the type.
Parse parseDouble(std::string_view text, double &value);
Parse parseFloat(std::string_view text, float &value);

// Parses a decimal written by JSON or Java's BigDecimal: sign, point and exponent are allowed. The result is exact or
// refused.
Parse parseDecimal(std::string_view text, int32_t precision, int32_t scale, Int128 &value);
// Converts a big-endian two's complement number of scale `from` to `scale`.
Parse decimalFromBigEndian(
    const uint8_t *bytes, size_t count, int64_t from, int32_t precision, int32_t scale, Int128 &value);

}  // namespace weir
