// The unit of the integers in a source's time and timestamp columns when no schema block gives it. The unit is
// configured, known from earlier batches, or derived from the values of a batch.
#pragma once
#include <cstddef>
#include <cstdint>

#include "CJSONShim.h"
#include "ConnectSchema.h"

namespace weir {

// A value whose unit is unclear, and its record.
struct Sighting {
    bool isThere = false;
    int64_t value = 0;
    size_t record = 0;

    void note(int64_t newValue, size_t newRecord) {
        if (!isThere) *this = {true, newValue, newRecord};
    }
};

// The unit that a value is likely written in; `refused` when no unit is likely.
struct Likeness {
    Unit unit;
    // Whether another unit is very unlikely, even for times far from today.
    bool isStrong;
};

// The likely unit of a timestamp is the one that puts it between 1972 and 2200 (or as far before 1970), or on the last
// day of the year 9999, a common end of time. The evidence is strong from 1979 on: times up to the year 9999 in the
// next smaller unit look like times before 1979. It is weak where the next larger unit puts the value beyond 9999. The
// likely unit of a time of day is the smallest one that keeps it within a day, for values too large to be milliseconds;
// nanoseconds are weak evidence below MySQL's longest TIME in microseconds.
Likeness likenessOf(weir_json_type type, int64_t value);

// Whether a timestamp is PostgreSQL's infinity, which Debezium writes as one fixed number of milliseconds or of
// microseconds. It tells no unit and needs none: `micros` is set. `known` is the column's unit, `refused` while that is
// unknown. In the smaller units the numbers are ordinary timestamps.
bool isInfinity(int64_t value, Unit known, int64_t &micros);

// The evidence from a batch: the first value of each kind.
struct UnitEvidence {
    // Indexed by unit: milliseconds, microseconds, nanoseconds.
    Sighting strong[3], weak[3];
    Sighting none;

    bool isEmpty() const;
    void note(Likeness likeness, int64_t value, size_t record);
};

// Two signs that a known unit is right or wrong, from a batch. A source that starts to send seconds instead of
// milliseconds sends times that are all in January 1970; a column of birthdays has a few of them among others.
struct UnitFit {
    // Whether a time is between 1979 and 2200, as most are.
    bool isUsual = false;
    // The first time in January 1970 that is usual in a larger unit, and the index of that in seconds, milliseconds,
    // microseconds.
    Sighting early;
    size_t largerUnit = 0;

    bool isEmpty() const { return !isUsual && !early.isThere; }
};

struct ColumnUnit {
    // `refused` while the unit is unknown.
    Unit unit = Unit::refused;
    // Whether the unit is configured.
    bool isTold = false;
    // The range of values that need no further look. For timestamps it is empty until a value of the batch is usual.
    int64_t clearFrom = 1, clearTo = 0;
    UnitEvidence evidence;
    UnitFit fit;

    bool isClear(int64_t value) const { return value >= clearFrom && value <= clearTo; }
    // Sets a known unit. Values that look like another unit contradict it, unless it is told.
    void know(weir_json_type type, Unit known, bool told);
    // Whether a value indicates that the column does not use the known unit.
    bool isContradictedBy(weir_json_type type, int64_t value) const;
    // Notes how well a value that does not contradict the known unit fits it.
    void noteFit(int64_t value, size_t record);
    // Forgets what the batch said about the unit.
    void endBatch(weir_json_type type);
    // Whether the batch says something that must be reported.
    bool isQuestioned() const { return !evidence.isEmpty() || (fit.early.isThere && !fit.isUsual); }
    // The verdict on the evidence. The caller fills in `source` and `column`.
    weir_json_question question(weir_json_type type) const;

  private:
    void open();
    void close(weir_json_type type);
};

Unit unitOf(weir_json_unit unit);

}  // namespace weir
