#include "ColumnUnits.h"

#include "Times.h"

namespace weir {

static constexpr int64_t millisPerDay = 86'400'000;
static constexpr int64_t nanosPerDay = microsPerDay * 1000;
// Bounds of the plausible era, in seconds before or after 1970. Strong evidence begins in 1979, because the end of the
// year 9999 in milliseconds equals a time in 1978 in microseconds.
static constexpr int64_t eraBegins = 63'072'000, strongEraBegins = 283'996'800, eraEnds = 7'258'118'400;
static constexpr int64_t january = 31 * 86'400, quarterHour = 900;
static constexpr int64_t lastDay = 253'402'214'400;  // 9999-12-31, seconds
// PostgreSQL's infinity in microseconds, and the end of the values that may be times in some unit.
static constexpr int64_t infinity = 9'223'372'036'825'200'000, minusInfinity = -9'223'372'036'832'400'000;
static constexpr uint64_t infinityBegins = 9'200'000'000'000'000'000;
static constexpr int64_t longestTime = 3'020'400'000'000;  // 839 hours, microseconds

static constexpr Unit units[] = {Unit::millis, Unit::micros, Unit::nanos};
static constexpr int64_t perSecond[] = {1000, 1'000'000, 1'000'000'000};

static size_t indexOf(Unit unit) { return unit == Unit::millis ? 0 : unit == Unit::micros ? 1 : 2; }

static weir_json_unit publicUnit(Unit unit) {
    static constexpr weir_json_unit all[] = {WEIR_JSON_MILLIS, WEIR_JSON_MICROS, WEIR_JSON_NANOS};
    return unit == Unit::refused ? WEIR_JSON_DERIVED : all[indexOf(unit)];
}

Unit unitOf(weir_json_unit unit) {
    switch (unit) {
    case WEIR_JSON_MILLIS: return Unit::millis;
    case WEIR_JSON_MICROS: return Unit::micros;
    case WEIR_JSON_NANOS: return Unit::nanos;
    default: return Unit::refused;
    }
}

static Likeness likenessOfTime(int64_t value) {
    if (value < millisPerDay || value >= nanosPerDay) return {Unit::refused, false};
    if (value < microsPerDay) return {Unit::micros, true};
    return {Unit::nanos, value >= longestTime};
}

Likeness likenessOf(weir_json_type type, int64_t value) {
    if (type == WEIR_JSON_TIME) return likenessOfTime(value);
    for (size_t i = 0; i < 2; i++) {
        if (value >= lastDay * perSecond[i] && value < (lastDay + 86'400) * perSecond[i]) return {units[i], true};
    }
    uint64_t magnitude = value < 0 ? 0 - uint64_t(value) : uint64_t(value);
    for (size_t i = 0; i < 3; i++) {
        if (magnitude < uint64_t(eraBegins * perSecond[i]) || magnitude > uint64_t(eraEnds * perSecond[i])) continue;
        return {units[i], magnitude >= uint64_t(strongEraBegins * perSecond[i])};
    }
    // The next larger unit would put the value beyond the year 9999.
    if (magnitude > uint64_t(eraEnds * perSecond[1]) && magnitude < infinityBegins) {
        return {magnitude < uint64_t(eraBegins * perSecond[2]) ? Unit::micros : Unit::nanos, false};
    }
    return {Unit::refused, false};
}

bool isInfinity(int64_t value, Unit known, int64_t &micros) {
    if (known == Unit::nanos) return false;
    for (int64_t end : {infinity, minusInfinity}) {
        if (value != end && (value != end / 1000 || known == Unit::micros)) continue;
        micros = end;
        return true;
    }
    return false;
}

bool UnitEvidence::isEmpty() const {
    bool isThere = none.isThere;
    for (size_t i = 0; i < 3; i++) isThere |= strong[i].isThere || weak[i].isThere;
    return !isThere;
}

void UnitEvidence::note(Likeness likeness, int64_t value, size_t record) {
    if (likeness.unit == Unit::refused) none.note(value, record);
    else (likeness.isStrong ? strong : weak)[indexOf(likeness.unit)].note(value, record);
}

void ColumnUnit::know(weir_json_type type, Unit known, bool told) {
    unit = known;
    isTold = told;
    close(type);
}

void ColumnUnit::close(weir_json_type type) {
    clearFrom = 1;
    clearTo = 0;
    if (type != WEIR_JSON_TIME) return;
    clearFrom = isTold ? INT64_MIN : 0;
    clearTo = isTold ? INT64_MAX : 86'400 * perSecond[indexOf(unit)] - 1;
}

void ColumnUnit::open() {
    int64_t seconds = perSecond[indexOf(unit)];
    // Infinity is never clear: what it is does not depend on the values before it.
    clearFrom = isTold ? minusInfinity + 1 : eraBegins * seconds;
    clearTo = isTold ? infinity - 1 : eraEnds * seconds;
}

static bool isUsual(int64_t value, int64_t perSecond) {
    uint64_t magnitude = value < 0 ? 0 - uint64_t(value) : uint64_t(value);
    return magnitude >= uint64_t(strongEraBegins * perSecond) && magnitude <= uint64_t(eraEnds * perSecond);
}

void ColumnUnit::noteFit(int64_t value, size_t record) {
    if (fit.isUsual) return;
    int64_t own = perSecond[indexOf(unit)];
    bool isLastDay = unit != Unit::nanos && value >= lastDay * own && value < (lastDay + 86'400) * own;
    if (isUsual(value, own) || isLastDay) {
        fit.isUsual = true;
        open();
        return;
    }
    // A day or an hour that somebody entered is a multiple of this, which counts of a larger unit rarely are by chance.
    if (value <= 0 || value >= january * own || value % (quarterHour * own) == 0) return;
    static constexpr int64_t larger[] = {1, 1000, 1'000'000};
    for (size_t i = 0; i < 3 && larger[i] < own && !fit.early.isThere; i++) {
        if (!isUsual(value, larger[i])) continue;
        fit.early.note(value, record);
        fit.largerUnit = i;
    }
}

void ColumnUnit::endBatch(weir_json_type type) {
    evidence = {};
    fit = {};
    if (unit != Unit::refused) close(type);
}

bool ColumnUnit::isContradictedBy(weir_json_type type, int64_t value) const {
    if (isTold || isClear(value)) return false;
    // Times of day that the unit keeps within a day passed `isClear`. Of the rest, only values that some unit keeps
    // within a day contradict the known unit.
    if (type == WEIR_JSON_TIME) return value > 0 && value < nanosPerDay;
    int64_t seconds = perSecond[indexOf(unit)];
    if (value >= eraBegins * seconds && value <= eraEnds * seconds) return false;
    // A value may lie outside the plausible era of its own unit, but is unlikely to lie inside that of another unit.
    Unit likely = likenessOf(type, value).unit;
    // Far microseconds may also be nanoseconds in 1970 or 1971.
    bool isFar = value > eraEnds * perSecond[1] || value < -eraEnds * perSecond[1];
    if (unit == Unit::nanos && likely == Unit::micros && isFar) return false;
    return likely != Unit::refused && likely != unit;
}

weir_json_question ColumnUnit::question(weir_json_type type) const {
    weir_json_question result{};
    result.unit = publicUnit(unit);
    result.is_told = isTold;
    auto value = [&](const Sighting &sighting) {
        result.value = sighting.value;
        result.record = sighting.record;
    };
    auto tells = [&](Unit told, const Sighting &sighting) {
        result.verdict = WEIR_JSON_UNIT_TOLD;
        result.unit = publicUnit(told);
        value(sighting);
    };
    auto contradicts = [&](Unit other, const Sighting &sighting) {
        result.verdict = unit == Unit::refused ? WEIR_JSON_UNIT_MIXED : WEIR_JSON_UNIT_CONTRADICTED;
        result.other_unit = publicUnit(other);
        value(sighting);
    };
    Unit found[3];
    const Sighting *first[3];
    size_t count = 0;
    bool hasStrong = false;
    for (size_t i = 0; i < 3; i++) {
        const Sighting &sighting = evidence.strong[i].isThere ? evidence.strong[i] : evidence.weak[i];
        if (!sighting.isThere) continue;
        found[count] = units[i];
        first[count++] = &sighting;
        hasStrong |= evidence.strong[i].isThere;
    }
    if (unit != Unit::refused && evidence.isEmpty()) {
        static constexpr weir_json_unit larger[] = {WEIR_JSON_SECONDS, WEIR_JSON_MILLIS, WEIR_JSON_MICROS};
        result.verdict = WEIR_JSON_UNIT_EARLY;
        result.other_unit = larger[fit.largerUnit];
        value(fit.early);
        return result;
    }
    if (unit != Unit::refused) {
        if (count > 0) contradicts(found[0], *first[0]);
        return result;
    }
    // Every value within a day of microseconds is also within a day of nanoseconds.
    if (type == WEIR_JSON_TIME && evidence.strong[2].isThere) {
        tells(Unit::nanos, evidence.strong[2]);
    } else if (count == 1 && hasStrong) {
        tells(found[0], *first[0]);
    } else if (count > 1) {
        result.unit = publicUnit(found[0]);
        result.first_value = first[0]->value;
        contradicts(found[1], *first[1]);
    } else {
        result.verdict = WEIR_JSON_UNIT_UNCLEAR;
        value(count == 1 ? *first[0] : evidence.none);
    }
    return result;
}

}  // namespace weir
