// What the integers of a source's time and timestamp columns count, where no schema block says: told, or derived from the
// values.
#pragma once
#include <cstdint>
#include <string>

#include "ConnectSchema.h"
#include "Notices.h"

namespace weir {

struct ColumnUnit {
    // `refused` while it is not known.
    Unit unit = Unit::refused;
    // Told units are not questioned.
    bool isTold = false;
    // The batch in which a value was refused because the unit was not known.
    uint64_t refusedIn = 0;

    // Whether there is no doubt about a value, as for most. A time of day is in no doubt once its column's unit is known.
    bool isClear(weir_json_type type, int64_t value) const {
        if (isTold) return true;
        if (type == WEIR_JSON_TIME) return unit != Unit::refused;
        return unit == Unit::micros && value >= 300'000'000'000'000 && value <= 7'000'000'000'000'000;
    }
};

// The unit that a value can only have been written in: the one that puts it between 1972 and 2200 or on the last day of
// the year 9999, a common end of time; of a time of day the smallest one that keeps it within a day, from the second in
// which milliseconds cannot. `refused` when it does not tell.
Unit evidentUnit(weir_json_type type, int64_t value);

weir_json_unit publicUnit(Unit unit);
Unit unitOf(weir_json_unit unit);

}  // namespace weir
