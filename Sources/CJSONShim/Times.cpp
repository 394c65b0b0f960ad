#include "Times.h"

namespace weir {

namespace {

// A forward cursor. Each function leaves it after the text it consumed.
struct Cursor {
    const char *p;
    const char *end;

    bool isAtEnd() const { return p == end; }
    bool take(char c) {
        if (p == end || *p != c) return false;
        p++;
        return true;
    }
    // Exactly two digits.
    bool two(int &value) {
        if (end - p < 2) return false;
        unsigned tens = unsigned(uint8_t(p[0])) - '0', ones = unsigned(uint8_t(p[1])) - '0';
        if (tens > 9 || ones > 9) return false;
        value = int(tens * 10 + ones);
        p += 2;
        return true;
    }
    // Reads between `least` and `most` digits.
    int digits(int least, int most, int64_t &value) {
        int count = 0;
        value = 0;
        while (p < end && count < most && unsigned(uint8_t(*p)) - '0' <= 9) {
            value = value * 10 + (*p++ - '0');
            count++;
        }
        return count >= least ? count : 0;
    }
};

// The number of two digits; sets `isBad` for other characters.
unsigned pairOf(const char *p, bool &isBad) {
    unsigned tens = unsigned(uint8_t(p[0])) - '0', ones = unsigned(uint8_t(p[1])) - '0';
    isBad |= (tens > 9) | (ones > 9);
    return tens * 10 + ones;
}

int64_t daysFromCivil(int64_t year, int month, int day) {
    // Years are counted from 0000-03-01, so that the leap day ends a year. Eras of 400 years repeat.
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t yearOfEra = year - era * 400;
    int64_t dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
    return era * 146097 + dayOfEra - 719468;
}

int daysInMonth(int64_t year, int month) {
    if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

Parse takeDate(Cursor &cursor, int64_t &days) {
    // Years outside 0000–9999 have a sign, as Java writes them.
    bool isSigned = cursor.p < cursor.end && (*cursor.p == '-' || *cursor.p == '+');
    bool isNegative = cursor.take('-');
    if (!isNegative) cursor.take('+');
    int64_t year;
    int month, day;
    if (!cursor.digits(4, isSigned ? 9 : 4, year) || !cursor.take('-') || !cursor.two(month) || !cursor.take('-') ||
        !cursor.two(day))
        return Parse::malformed;
    if (isNegative) year = -year;
    if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return Parse::outOfRange;
    if (year > 1'000'000 || year < -1'000'000) return Parse::outOfRange;
    days = daysFromCivil(year, month, day);
    return Parse::ok;
}

// `isCut` is set when digits below a microsecond, other than zeros, were left out.
Parse takeTime(Cursor &cursor, int64_t &micros, bool &isCut) {
    int hour, minute, second = 0;
    int64_t fraction = 0;
    isCut = false;
    if (!cursor.two(hour) || !cursor.take(':') || !cursor.two(minute)) return Parse::malformed;
    if (cursor.take(':')) {
        if (!cursor.two(second)) return Parse::malformed;
        if (cursor.take('.')) {
            int count = cursor.digits(1, 6, fraction);
            if (count == 0) return Parse::malformed;
            for (int i = count; i < 6; i++) fraction *= 10;
            for (; cursor.p < cursor.end && unsigned(uint8_t(*cursor.p)) - '0' <= 9; cursor.p++) {
                isCut |= *cursor.p != '0';
            }
        }
    }
    if (hour > 23 || minute > 59 || second > 59) return Parse::outOfRange;
    micros = ((hour * 60 + minute) * 60 + second) * microsPerSecond + fraction;
    return Parse::ok;
}

// Reads a zone; `seconds` is the offset east of UTC.
Parse takeZone(Cursor &cursor, Zone zone, int64_t &seconds) {
    seconds = 0;
    bool isOptional = zone == Zone::optionalZ || zone == Zone::optional;
    if (zone == Zone::none || (isOptional && cursor.isAtEnd())) return Parse::ok;
    if (cursor.take('Z')) return Parse::ok;
    if (zone == Zone::optionalZ) return Parse::malformed;
    bool isWest = cursor.take('-');
    if (!isWest && !cursor.take('+')) return Parse::malformed;
    int hours, minutes = 0, rest = 0;
    if (!cursor.two(hours)) return Parse::malformed;
    if (!cursor.isAtEnd()) {
        bool hasColon = cursor.take(':');
        if (!cursor.two(minutes)) return Parse::malformed;
        if (hasColon && cursor.take(':') && !cursor.two(rest)) return Parse::malformed;
    }
    if (hours > 18 || minutes > 59 || rest > 59) return Parse::outOfRange;
    seconds = (hours * 60 + minutes) * 60 + rest;
    if (isWest) seconds = -seconds;
    return Parse::ok;
}

// Reads `2024-02-29T10:20:30`, and up to six digits of a fraction behind it. The cursor stays where it is when the text
// has another form or is no timestamp.
bool takePlainTimestamp(Cursor &cursor, int64_t &micros) {
    const char *p = cursor.p;
    if (cursor.end - p < 19) return false;
    bool isBad = (p[4] != '-') | (p[7] != '-') | ((p[10] != 'T') & (p[10] != ' ')) | (p[13] != ':') | (p[16] != ':');
    unsigned year = pairOf(p, isBad) * 100 + pairOf(p + 2, isBad);
    unsigned month = pairOf(p + 5, isBad), day = pairOf(p + 8, isBad);
    unsigned hour = pairOf(p + 11, isBad), minute = pairOf(p + 14, isBad), second = pairOf(p + 17, isBad);
    if (isBad | (month - 1 > 11) | (hour > 23) | (minute > 59) | (second > 59)) return false;
    // Every month has 28 days.
    if (day - 1 > 27 && (day < 1 || int(day) > daysInMonth(year, int(month)))) return false;
    // Days before each month of a year that begins in March, so that the leap day ends the year.
    static constexpr uint16_t before[] = {306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275};
    // 400 years have 146,097 days. They keep the number positive in the year 0.
    unsigned y = year + 400 - (month <= 2);
    int64_t days = int64_t(y * 365 + y / 4 - y / 100 + y / 400 + before[month - 1] + day) - 1 - 146'097 - 719'468;
    int64_t fraction = 0;
    p += 19;
    if (p < cursor.end && *p == '.') {
        static constexpr int64_t powers[] = {1'000'000, 100'000, 10'000, 1000, 100, 10, 1};
        const char *first = ++p;
        while (p < cursor.end && unsigned(uint8_t(*p)) - '0' <= 9) {
            if (p - first == 6) return false;
            fraction = fraction * 10 + (*p++ - '0');
        }
        if (p == first) return false;
        fraction *= powers[p - first];
    }
    cursor.p = p;
    micros = days * microsPerDay + int64_t((hour * 60 + minute) * 60 + second) * microsPerSecond + fraction;
    return true;
}

}  // namespace

Parse parseDate(std::string_view text, Zone zone, int32_t &days) {
    Cursor cursor{text.data(), text.data() + text.size()};
    int64_t count, offset;
    if (Parse parse = takeDate(cursor, count); parse != Parse::ok) return parse;
    if (Parse parse = takeZone(cursor, zone, offset); parse != Parse::ok) return parse;
    if (!cursor.isAtEnd()) return Parse::malformed;
    days = int32_t(count);
    return Parse::ok;
}

Parse parseTime(std::string_view text, Zone zone, int64_t &micros) {
    Cursor cursor{text.data(), text.data() + text.size()};
    int64_t offset;
    bool isCut;
    if (Parse parse = takeTime(cursor, micros, isCut); parse != Parse::ok) return parse;
    if (Parse parse = takeZone(cursor, zone, offset); parse != Parse::ok) return parse;
    if (!cursor.isAtEnd()) return Parse::malformed;
    return isCut ? Parse::inexact : Parse::ok;
}

Parse parseTimestamp(std::string_view text, Zone zone, int64_t &micros) {
    Cursor cursor{text.data(), text.data() + text.size()};
    int64_t days, time, offset;
    bool isCut;
    if (int64_t local; takePlainTimestamp(cursor, local)) [[likely]] {
        if (Parse parse = takeZone(cursor, zone, offset); parse != Parse::ok) return parse;
        micros = local - offset * microsPerSecond;
        return cursor.isAtEnd() ? Parse::ok : Parse::malformed;
    }
    if (Parse parse = takeDate(cursor, days); parse != Parse::ok) return parse;
    if (!cursor.take('T') && !cursor.take(' ')) return Parse::malformed;
    if (Parse parse = takeTime(cursor, time, isCut); parse != Parse::ok) return parse;
    if (Parse parse = takeZone(cursor, zone, offset); parse != Parse::ok) return parse;
    if (!cursor.isAtEnd()) return Parse::malformed;
    // The midnight of the earliest timestamp lies outside the 64-bit range.
    Int128 wide = Int128(days) * microsPerDay + time - offset * microsPerSecond;
    micros = int64_t(wide);
    if (micros != wide) return Parse::outOfRange;
    return isCut ? Parse::inexact : Parse::ok;
}

}  // namespace weir
