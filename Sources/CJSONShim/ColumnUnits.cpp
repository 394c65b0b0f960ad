#include "ColumnUnits.h"

#include "Times.h"

namespace weir {

static constexpr int64_t millisPerDay = 86'400'000;
// Seconds from 1970 to the ends of the plausible era, either way: two years, so that nothing but a second's thousandth is
// another unit's value of the same size, and 230 years.
static constexpr uint64_t eraBegins = 63'072'000, eraEnds = 7'258'118'400;
static constexpr int64_t lastDay = 253'402'214'400;  // 9999-12-31, seconds

static bool isInEra(uint64_t magnitude, uint64_t perSecond) {
    return magnitude >= eraBegins * perSecond && magnitude <= eraEnds * perSecond;
}

static bool isLastDay(int64_t value, int64_t perSecond) {
    return value >= lastDay * perSecond && value < (lastDay + 86'400) * perSecond;
}

Unit evidentUnit(weir_json_type type, int64_t value) {
    if (type == WEIR_JSON_TIME) {
        if (value < millisPerDay) return Unit::refused;
        return value < microsPerDay ? Unit::micros : Unit::nanos;
    }
    if (isLastDay(value, 1000)) return Unit::millis;
    if (isLastDay(value, 1'000'000)) return Unit::micros;
    uint64_t magnitude = value < 0 ? 0 - uint64_t(value) : uint64_t(value);
    if (isInEra(magnitude, 1000)) return Unit::millis;
    if (isInEra(magnitude, 1'000'000)) return Unit::micros;
    if (isInEra(magnitude, 1'000'000'000)) return Unit::nanos;
    return Unit::refused;
}

weir_json_unit publicUnit(Unit unit) {
    switch (unit) {
    case Unit::millis: return WEIR_JSON_MILLIS;
    case Unit::micros: return WEIR_JSON_MICROS;
    case Unit::nanos: return WEIR_JSON_NANOS;
    default: return WEIR_JSON_DERIVED;
    }
}

Unit unitOf(weir_json_unit unit) {
    switch (unit) {
    case WEIR_JSON_MILLIS: return Unit::millis;
    case WEIR_JSON_MICROS: return Unit::micros;
    case WEIR_JSON_NANOS: return Unit::nanos;
    default: return Unit::refused;
    }
}

}  // namespace weir
