// Dates, times and timestamps of one JSON value, as text or as a number that counts a unit.
#include "Times.h"
#include "ValueParts.h"

namespace weir {

// An integer that counts `unit`, in microseconds. Nanoseconds are cut towards the past, as fractions in text are.
static Parse inMicros(int64_t value, Unit unit, int64_t &micros) {
    switch (unit) {
    case Unit::millis: return __builtin_mul_overflow(value, int64_t(1000), &micros) ? Parse::outOfRange : Parse::ok;
    case Unit::micros: micros = value; return Parse::ok;
    case Unit::nanos: micros = value / 1000 - (value % 1000 < 0); return Parse::ok;
    default: return Parse::malformed;
    }
}

static const char *name(Unit unit) {
    return unit == Unit::millis ? "milliseconds" : unit == Unit::micros ? "microseconds" : "nanoseconds";
}

static std::string optionFor(const Column &column) {
    return std::string(column.type == WEIR_JSON_TIME ? "debezium-json.time-unit." : "debezium-json.timestamp-unit.") +
           column.name;
}

// What the number counts in a column of a source for which no schema block says it; `refused` when neither its options nor
// its values tell.
static Unit unitFor(int64_t value, const Column &column, const Reading &reading, std::string &detail) {
    ColumnUnit &known = reading.binding.units[reading.number];
    // The beginning of time is one in every unit.
    if (known.isTold || value == 0) return known.isTold ? known.unit : Unit::micros;
    Unit evident = evidentUnit(column.type, value);
    if (known.unit != Unit::refused) {
        // A value may well lie outside the era of its own column, but hardly inside another unit's.
        if (evident == known.unit || evident == Unit::refused) return known.unit;
        detail = std::string("other values of the column count ") + name(known.unit) + ", this one looks like " +
                 name(evident) + "; the source's " + optionFor(column) + " says what is meant";
        return Unit::refused;
    }
    if (evident == Unit::refused) {
        known.refusedIn = reading.table.batch + 1;
        detail = "nothing says what it counts, and no value of the column tells so far; the source's " +
                 optionFor(column) + " says it: milliseconds, microseconds or nanoseconds";
        return Unit::refused;
    }
    known.unit = evident;
    if (known.refusedIn == reading.table.batch + 1) reading.table.isToldLate = true;
    if (reading.binding.notices) {
        reading.binding.notices->add(
            {WEIR_JSON_UNIT_TOLD, reading.binding.number, reading.number, publicUnit(evident), value, 0, ""});
    }
    return evident;
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
                unit = known.isClear(column.type, value) ? known.unit : unitFor(value, column, reading, detail);
                if (unit == Unit::refused) return 0;
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
