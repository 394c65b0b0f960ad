// What the integers of a source's time and timestamp columns count, where no schema block says: told, known from before,
// or told by the values of a batch.
#pragma once
#include <cstddef>
#include <cstdint>

#include "CJSONShim.h"
#include "ConnectSchema.h"

namespace weir {

// A value of which it is not clear what it counts, and its record.
struct Sighting {
    bool isThere = false;
    int64_t value = 0;
    size_t record = 0;

    void note(int64_t newValue, size_t newRecord) {
        if (!isThere) *this = {true, newValue, newRecord};
    }
};

// The unit that a value looks written in: `refused` when it looks like none.
struct Likeness {
    Unit unit;
    // Whether it can hardly be another unit's, however far from today that one's time is.
    bool isStrong;
};

// A timestamp is like the unit that puts it between 1972 and 2200 (or as far before 1970) or on the last day of the year
// 9999, a common end of time; strongly so from 1979, before which lies what thousandths of a second make of the years up
// to 9999; weakly so where the next larger unit puts it beyond 9999. A time of day is like the smallest unit that keeps it
// within a day, from the second in which milliseconds cannot; but what is below MySQL's longest TIME in microseconds may
// be one.
Likeness likenessOf(weir_json_type type, int64_t value);

// What the values of a batch look like: the first of each kind.
struct UnitEvidence {
    // By unit, from milliseconds.
    Sighting strong[3], weak[3];
    Sighting none;

    bool isEmpty() const;
    void note(Likeness likeness, int64_t value, size_t record);
};

struct ColumnUnit {
    // `refused` while it is not known.
    Unit unit = Unit::refused;
    // The values of which there is no doubt.
    int64_t clearFrom = 1, clearTo = 0;
    UnitEvidence evidence;

    bool isClear(int64_t value) const { return value >= clearFrom && value <= clearTo; }
    // No value is questioned.
    void tell(Unit told);
    // What other values tell is held against it.
    void know(weir_json_type type, Unit known);
    // Whether a value says that the known unit is not the column's.
    bool isContradictedBy(weir_json_type type, int64_t value) const;
    // What the evidence comes to. `source` and `column` are left to the caller.
    weir_json_question question(weir_json_type type) const;
};

Unit unitOf(weir_json_unit unit);

}  // namespace weir
