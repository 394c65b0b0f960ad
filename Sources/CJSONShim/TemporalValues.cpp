// Reads a date, time or timestamp from JSON text or from a number of units.
#include "Times.h"
#include "ValueParts.h"

namespace weir {

// Converts an integer of the given unit to microseconds. Nanoseconds are rounded towards the past, like fractions in
// text; `inexact` when that changes the value.
static Parse inMicros(int64_t value, Unit unit, int64_t &micros) {
    switch (unit) {
    case Unit::millis: return __builtin_mul_overflow(value, int64_t(1000), &micros) ? Parse::outOfRange : Parse::ok;
    case Unit::micros: micros = value; return Parse::ok;
    case Unit::nanos:
        micros = value / 1000 - (value % 1000 < 0);
        return value % 1000 == 0 ? Parse::ok : Parse::inexact;
    default: return Parse::malformed;
    }
}

// Converts a value that says something about its column's unit, and records it. If the unit is unknown or contradicted,
// the result does not matter: the batch is read again or not at all.
static Parse readInDoubt(int64_t value, const Column &column, Reading &reading, int64_t &micros) {
    const ColumnUnit &known = reading.binding.units[reading.number];
    bool isKnown = known.unit != Unit::refused;
    if (column.type != WEIR_JSON_TIME && isInfinity(value, known.unit, micros)) return Parse::ok;
    // Zero means the same in every unit, and some values are a time of day in no unit.
    bool isClear = value == 0 || (column.type == WEIR_JSON_TIME && (value < 0 || value >= microsPerDay * 1000));
    if (isClear) return inMicros(value, isKnown ? known.unit : Unit::micros, micros);
    reading.binding.doubts.push_back({reading.number, value});
    if (isKnown && !known.isContradictedBy(column.type, value)) return inMicros(value, known.unit, micros);
    micros = 0;
    return Parse::ok;
}

static bool isInfinity(std::string_view text) {
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
    return isEqualIgnoringCase(text, "infinity");
}

// Explains why a value is no date or time.
static uint32_t explainTime(Parse parse, const Column &column, const Plan &plan, uint32_t token, Reading &reading) {
    static constexpr const char *infinity = "it is PostgreSQL's infinity, which is no point in time";
    std::string &detail = reading.detail;
    explain(parse, detail);
    if (reading.tokens[token] != '"') {
        int64_t value, micros;
        bool isTimestamp = column.type == WEIR_JSON_TIMESTAMP || column.type == WEIR_JSON_TIMESTAMPTZ;
        if (isTimestamp && parseInteger(reading.tokens.raw(token), value) == Parse::ok &&
            isInfinity(value, Unit::refused, micros)) {
            detail = infinity;
        }
        return 0;
    }
    if (parse != Parse::malformed) return 0;
    if (column.type != WEIR_JSON_TIME && isInfinity(reading.tokens.string(token))) detail = infinity;
    else if (column.type == WEIR_JSON_DATE) detail = "it must be an ISO 8601 date";
    else if (plan.zone == Zone::required) detail = "it must be ISO 8601 text with a zone offset";
    else detail = "it must be ISO 8601 text without a zone offset";
    return 0;
}

// Sets a value that lost digits below a microsecond. Rows with different keys must stay different, so targets with the
// column in their key do not take it.
static uint32_t setCut(Column &column, int64_t micros, uint32_t token, Reading &reading) {
    static constexpr const char *reason =
        "it has digits below a microsecond, which a column of the primary key cannot leave out";
    if (column.isKey && !reading.table.refuseAsKey(token, reading, reason)) {
        reading.detail = reason;
        return 0;
    }
    column.set(reading.row, micros);
    return token + 1;
}

static uint32_t readDate(Column &column, const Plan &plan, uint32_t token, Reading &reading) {
    int32_t days = 0;
    Parse parse = Parse::malformed;
    uint8_t first = reading.tokens[token];
    if (first == '"') {
        ShortText text;
        if (!text.read(reading.tokens, token)) return 0;
        parse = parseDate(text.text, plan.zone, days);
    } else if (isNumberStart(first)) {
        int64_t value = 0;
        parse = parseInteger(reading.tokens.raw(token), value);
        if (parse == Parse::ok && plan.unit == Unit::refused) {
            reading.detail = "the schema block gives the number another meaning";
            return 0;
        }
        days = int32_t(value);
        if (parse == Parse::ok && days != value) parse = Parse::outOfRange;
    }
    if (parse != Parse::ok) [[unlikely]] return explainTime(parse, column, plan, token, reading);
    column.set(reading.row, days);
    return token + 1;
}

// A time of day or a timestamp.
template <bool isTimeOfDay>
static uint32_t readTime(Column &column, const Plan &plan, uint32_t token, Reading &reading) {
    int64_t micros = 0;
    Parse parse = Parse::malformed;
    uint8_t first = reading.tokens[token];
    if (first == '"') {
        ShortText text;
        if (!text.read(reading.tokens, token)) return 0;
        parse = isTimeOfDay ? parseTime(text.text, plan.zone, micros) : parseTimestamp(text.text, plan.zone, micros);
    } else if (isNumberStart(first)) {
        int64_t value;
        parse = parseInteger(reading.tokens.raw(token), value);
        if (parse == Parse::ok) {
            Unit unit = plan.unit;
            if (unit == Unit::column) {
                const ColumnUnit &known = reading.binding.units[reading.number];
                if (known.isClear(value)) parse = inMicros(value, known.unit, micros);
                else parse = readInDoubt(value, column, reading, micros);
            } else if (unit == Unit::refused) {
                reading.detail = "the schema block gives the number another meaning";
                return 0;
            } else {
                parse = inMicros(value, unit, micros);
            }
            if (isTimeOfDay && (micros < 0 || micros >= microsPerDay)) parse = Parse::outOfRange;
        }
    }
    if (parse != Parse::ok) [[unlikely]] {
        if (parse == Parse::inexact) return setCut(column, micros, token, reading);
        return explainTime(parse, column, plan, token, reading);
    }
    column.set(reading.row, micros);
    return token + 1;
}

Reader temporalReaderFor(weir_json_type type) {
    if (type == WEIR_JSON_DATE) return readDate;
    return type == WEIR_JSON_TIME ? readTime<true> : readTime<false>;
}

}  // namespace weir
