// Parses dates and times in ISO 8601 text.
#pragma once
#include <cstdint>
#include <string_view>

#include "Numbers.h"

namespace weir {

inline constexpr int64_t microsPerSecond = 1'000'000;
inline constexpr int64_t microsPerDay = 86'400 * microsPerSecond;

// Whether text may or must end in `Z` or an offset.
enum class Zone : uint8_t { none, optionalZ, required, optional };

// Days since 1970-01-01 of the proleptic Gregorian calendar. `optionalZ` allows `2024-02-29Z`.
Parse parseDate(std::string_view text, Zone zone, int32_t &days);
// Microseconds since midnight, below 24 hours. Fraction digits after the sixth are cut; the result is `inexact` when
// one of them is not zero.
Parse parseTime(std::string_view text, Zone zone, int64_t &micros);
// Microseconds since 1970-01-01 00:00:00, of UTC when a zone is required. Fractions as in `parseTime`.
Parse parseTimestamp(std::string_view text, Zone zone, int64_t &micros);

}  // namespace weir
