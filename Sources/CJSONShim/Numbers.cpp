#include "Numbers.h"

#include <array>
#include <charconv>
#include <cmath>

#include "Tokens.h"

namespace weir {

static constexpr std::array<double, 23> powersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static constexpr std::array<Int128, 39> integerPowers = [] {
    std::array<Int128, 39> powers{};
    Int128 power = 1;
    for (int i = 0; i < 39; i++) {
        powers[i] = power;
        if (i < 38) power *= 10;
    }
    return powers;
}();

template <typename Real>
static Parse parseReal(std::string_view text, Real &value) {
    if (!isJSONNumber(text)) return Parse::malformed;
    auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec == std::errc::result_out_of_range) return Parse::outOfRange;
    if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return Parse::malformed;
    return std::isfinite(value) ? Parse::ok : Parse::outOfRange;
}

Parse parseDouble(std::string_view text, double &value) {
    // Up to 15 digits and a small power of ten are exact in a double, so a single division rounds correctly.
    const char *p = text.data(), *end = p + text.size();
    if (text.size() <= 16) {
        bool isNegative = p < end && *p == '-';
        if (isNegative) p++;
        const char *start = p;
        uint64_t digits = 0;
        while (p < end && unsigned(uint8_t(*p)) - '0' <= 9) digits = digits * 10 + unsigned(uint8_t(*p++)) - '0';
        bool hasInteger = p > start && !(p - start > 1 && *start == '0');
        int fraction = 0;
        if (hasInteger && p < end && *p == '.') {
            const char *point = ++p;
            while (p < end && unsigned(uint8_t(*p)) - '0' <= 9) digits = digits * 10 + unsigned(uint8_t(*p++)) - '0';
            fraction = int(p - point);
            hasInteger = fraction > 0;
        }
        if (hasInteger && p == end && digits <= uint64_t(1) << 53) {
            double magnitude = double(digits) / powersOfTen[size_t(fraction)];
            value = isNegative ? -magnitude : magnitude;
            return Parse::ok;
        }
    }
    return parseReal(text, value);
}

Parse parseFloat(std::string_view text, float &value) { return parseReal(text, value); }

// Converts `mantissa` times ten to the `exponent` to an unscaled value.
static Parse rescale(Int128 mantissa, int64_t exponent, int32_t precision, Int128 &value) {
    if (mantissa == 0) {
        value = 0;
        return Parse::ok;
    }
    if (exponent > 38) return Parse::outOfRange;
    while (exponent < 0) {
        if (mantissa % 10 != 0) return Parse::inexact;
        mantissa /= 10;
        exponent++;
    }
    if (__builtin_mul_overflow(mantissa, integerPowers[size_t(exponent)], &mantissa)) return Parse::outOfRange;
    if (precision < 1 || precision > 38) return Parse::outOfRange;
    Int128 limit = integerPowers[size_t(precision)];
    if (mantissa >= limit || mantissa <= -limit) return Parse::outOfRange;
    value = mantissa;
    return Parse::ok;
}

// Parses up to 18 digits with at most `scale` of them behind the point, as most decimals are. False for other text.
static bool parseShortDecimal(std::string_view text, int32_t precision, int32_t scale, Int128 &value) {
    const char *p = text.data(), *end = p + text.size();
    bool isNegative = p < end && *p == '-';
    if (isNegative) p++;
    if (p == end || end - p > 19 || scale < 0 || scale > 19 || precision < 1 || precision > 38) return false;
    uint64_t digits = 0;
    const char *point = nullptr;
    for (const char *q = p; q < end; q++) {
        unsigned digit = unsigned(uint8_t(*q)) - '0';
        if (digit > 9) [[unlikely]] {
            if (*q != '.' || point) return false;
            point = q;
            continue;
        }
        digits = digits * 10 + digit;
    }
    int64_t count = end - p - (point ? 1 : 0), fraction = point ? end - point - 1 : 0;
    if (count == 0 || count > 18 || fraction > scale) return false;
    Int128 scaled = Int128(digits) * integerPowers[size_t(scale - fraction)];
    if (scaled >= integerPowers[size_t(precision)]) return false;
    value = isNegative ? -scaled : scaled;
    return true;
}

Parse parseDecimal(std::string_view text, int32_t precision, int32_t scale, Int128 &value) {
    if (parseShortDecimal(text, precision, scale, value)) [[likely]] return Parse::ok;
    const char *p = text.data(), *end = p + text.size();
    bool isNegative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    Int128 mantissa = 0;
    int64_t exponent = 0;
    // Zeros are counted and applied when a digit follows, so the text may end in any number of them.
    int64_t zeros = 0;
    bool hasDigits = false, isBehindPoint = false, isTooLong = false;
    for (; p < end; p++) {
        if (*p == '.') {
            if (isBehindPoint) return Parse::malformed;
            isBehindPoint = true;
            continue;
        }
        unsigned digit = unsigned(uint8_t(*p)) - '0';
        if (digit > 9) break;
        hasDigits = true;
        if (isBehindPoint) exponent--;
        if (digit == 0) {
            if (mantissa != 0) zeros++;
            continue;
        }
        for (; zeros > 0 && !isTooLong; zeros--) isTooLong = __builtin_mul_overflow(mantissa, Int128(10), &mantissa);
        zeros = 0;
        if (!isTooLong) {
            isTooLong = __builtin_mul_overflow(mantissa, Int128(10), &mantissa) ||
                        __builtin_add_overflow(mantissa, Int128(digit), &mantissa);
        }
    }
    if (!hasDigits) return Parse::malformed;
    if (p < end) {
        if (*p != 'e' && *p != 'E') return Parse::malformed;
        p++;
        bool isDown = p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+')) p++;
        if (p == end) return Parse::malformed;
        int64_t power = 0;
        for (; p < end; p++) {
            unsigned digit = unsigned(uint8_t(*p)) - '0';
            if (digit > 9) return Parse::malformed;
            if (power < 1'000'000'000) power = power * 10 + digit;
        }
        exponent += isDown ? -power : power;
    }
    if (isTooLong) return Parse::outOfRange;
    // The mantissa now ends in a digit other than 0, so a negative power means that digits would be lost.
    exponent += zeros + scale;
    if (mantissa != 0 && exponent < 0) return Parse::inexact;
    return rescale(isNegative ? -mantissa : mantissa, exponent, precision, value);
}

Parse decimalFromBigEndian(
    const uint8_t *bytes, size_t count, int64_t from, int32_t precision, int32_t scale, Int128 &value) {
    if (count == 0) return Parse::malformed;
    uint8_t sign = bytes[0] & 0x80 ? 0xff : 0;
    while (count > 16) {
        if (*bytes != sign) return Parse::outOfRange;
        bytes++;
        count--;
    }
    if ((bytes[0] & 0x80 ? 0xff : 0) != sign) return Parse::outOfRange;
    UInt128 bits = sign ? ~UInt128(0) : 0;
    for (size_t i = 0; i < count; i++) bits = bits << 8 | bytes[i];
    if (from < -1'000'000 || from > 1'000'000) return Parse::outOfRange;
    return rescale(Int128(bits), int64_t(scale) - from, precision, value);
}

}  // namespace weir
