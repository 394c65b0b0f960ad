// Reads a date, time or timestamp from JSON text or from a number of units.
#include "Times.h"
#include "ValueParts.h"

namespace weir {

// Converts an integer of the given unit to microseconds. Nanoseconds are rounded towards the past, like fractions in
// text.
static Parse inMicros(int64_t value, Unit unit, int64_t &micros) {
    switch (unit) {
    case Unit::millis: return __builtin_mul_overflow(value, int64_t(1000), &micros) ? Parse::outOfRange : Parse::ok;
    case Unit::micros: micros = value; return Parse::ok;
    case Unit::nanos: micros = value / 1000 - (value % 1000 < 0); return Parse::ok;
    default: return Parse::malformed;
    }
}

// Handles a value that says something about its column's unit, and records it. If the unit is unknown or contradicted,
// the returned value does not matter: the batch is read again or not at all.
static Unit readInDoubt(int64_t &value, const Column &column, const Reading &reading) {
    const ColumnUnit &known = reading.binding.units[reading.number];
    bool isKnown = known.unit != Unit::refused;
    // Zero means the same in every unit, and some values are a time of day in no unit.
    bool isClear = value == 0 || (column.type == WEIR_JSON_TIME && (value < 0 || value >= microsPerDay * 1000));
    if (isClear) return isKnown ? known.unit : Unit::micros;
    reading.binding.doubts.push_back({reading.number, value});
    if (isKnown && !known.isContradictedBy(column.type, value)) return known.unit;
    value = 0;
    return Unit::micros;
}

uint32_t readTemporal(
    Column &column, const Plan &plan, const Tokens &tokens, uint32_t token, size_t row, const Reading &reading,
    std::string &detail) {
    int64_t micros = 0;
    int32_t days = 0;
    Parse parse = Parse::malformed;
    uint8_t first = tokens[token];
    if (first == '"') {
        ShortText text;
        if (!text.read(tokens, token)) return 0;
        if (column.type == WEIR_JSON_DATE) parse = parseDate(text.text, plan.zone, days);
        else if (column.type == WEIR_JSON_TIME) parse = parseTime(text.text, plan.zone, micros);
        else parse = parseTimestamp(text.text, plan.zone, micros);
        if (parse == Parse::malformed && column.type != WEIR_JSON_DATE) {
            detail = plan.zone == Zone::required ? "it must be ISO 8601 text with a zone offset"
                                                 : "it must be ISO 8601 text without a zone offset";
        }
    } else if (isNumberStart(first)) {
        int64_t value;
        parse = parseInteger(tokens.raw(token), value);
        if (parse == Parse::ok && plan.unit == Unit::refused) {
            detail = "the schema block gives the number another meaning";
            return 0;
        }
        if (parse == Parse::ok && column.type == WEIR_JSON_DATE) {
            days = int32_t(value);
            if (days != value) parse = Parse::outOfRange;
        } else if (parse == Parse::ok) {
            Unit unit = plan.unit;
            if (unit == Unit::column) {
                const ColumnUnit &known = reading.binding.units[reading.number];
                unit = known.isClear(value) ? known.unit : readInDoubt(value, column, reading);
            }
            parse = inMicros(value, unit, micros);
            if (column.type == WEIR_JSON_TIME && (micros < 0 || micros >= microsPerDay)) parse = Parse::outOfRange;
        }
    }
    if (parse != Parse::ok) return explain(parse, detail);
    if (column.type == WEIR_JSON_DATE) column.set(row, days);
    else column.set(row, micros);
    return token + 1;
}

}  // namespace weir
