#include "BigDecimal.h"

#include <vector>

namespace weir {

// About 9,800 digits. Conversion takes time quadratic in the digits.
static constexpr size_t mostBytes = 4 * 1024;
// Limit on the zeros that the scale adds around the digits, so that a few bytes cannot become a long text.
static constexpr int64_t mostZeros = 1000;
static constexpr int64_t mostScale = 12'000;
static constexpr uint64_t chunk = 10'000'000'000'000'000'000u;
static constexpr int chunkDigits = 19;

// The decimal digits of an unsigned number, most significant word first. Overwrites `words`.
static std::string digitsOf(std::vector<uint64_t> words) {
    std::vector<uint64_t> chunks;
    size_t first = 0;
    while (true) {
        while (first < words.size() && words[first] == 0) first++;
        if (first == words.size()) break;
        UInt128 rest = 0;
        for (size_t i = first; i < words.size(); i++) {
            rest = rest << 64 | words[i];
            words[i] = uint64_t(rest / chunk);
            rest %= chunk;
        }
        chunks.push_back(uint64_t(rest));
    }
    if (chunks.empty()) return "0";
    std::string digits = std::to_string(chunks.back());
    for (size_t i = chunks.size() - 1; i-- > 0;) {
        std::string part = std::to_string(chunks[i]);
        digits.append(size_t(chunkDigits) - part.size(), '0').append(part);
    }
    return digits;
}

Parse decimalText(const uint8_t *bytes, size_t count, int64_t scale, std::string &text) {
    if (count == 0) return Parse::malformed;
    if (count > mostBytes || scale > mostScale || scale < -mostZeros) return Parse::outOfRange;
    bool isNegative = bytes[0] & 0x80;
    std::vector<uint64_t> words((count + 7) / 8, isNegative ? ~uint64_t(0) : 0);
    for (size_t i = 0; i < count; i++) {
        uint64_t &word = words[words.size() - 1 - i / 8];
        size_t shift = i % 8 * 8;
        word = (word & ~(uint64_t(0xff) << shift)) | uint64_t(bytes[count - 1 - i]) << shift;
    }
    if (isNegative) {
        bool carries = true;
        for (size_t i = words.size(); i-- > 0;) {
            words[i] = ~words[i] + carries;
            carries = carries && words[i] == 0;
        }
    }
    std::string digits = digitsOf(std::move(words));
    if (scale > int64_t(digits.size()) + mostZeros) return Parse::outOfRange;
    if (scale > 0) {
        if (digits.size() <= size_t(scale)) digits.insert(0, size_t(scale) + 1 - digits.size(), '0');
        digits.insert(digits.size() - size_t(scale), 1, '.');
    } else if (digits != "0") {
        digits.append(size_t(-scale), '0');
    }
    text = (isNegative ? "-" : "") + digits;
    return Parse::ok;
}

}  // namespace weir
