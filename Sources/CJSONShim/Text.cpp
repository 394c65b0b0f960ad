#include "Text.h"

#include <array>

namespace weir {

static int hexDigit(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Parses four hex digits at `p`; -1 when they are missing.
static int32_t hexUnit(const uint8_t *p, const uint8_t *end) {
    if (end - p < 4) return -1;
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hexDigit(p[i]);
        if (digit < 0) return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

// Calls `put` with each run of plain bytes and each resolved character; false for a bad escape.
template <typename Run, typename Character>
static bool walkEscapes(std::string_view text, Run run, Character character) {
    const uint8_t *p = reinterpret_cast<const uint8_t *>(text.data()), *end = p + text.size();
    while (p < end) {
        const uint8_t *plain = p;
        const void *found = memchr(p, '\\', size_t(end - p));
        p = found ? static_cast<const uint8_t *>(found) : end;
        if (p > plain) run(plain, size_t(p - plain));
        if (p == end) break;
        if (++p == end) return false;
        switch (*p++) {
        case '"': character('"'); break;
        case '\\': character('\\'); break;
        case '/': character('/'); break;
        case 'b': character('\b'); break;
        case 'f': character('\f'); break;
        case 'n': character('\n'); break;
        case 'r': character('\r'); break;
        case 't': character('\t'); break;
        case 'u': {
            int32_t unit = hexUnit(p, end);
            if (unit < 0) return false;
            p += 4;
            if (unit >= 0xd800 && unit < 0xdc00) {
                if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return false;
                int32_t low = hexUnit(p + 2, end);
                if (low < 0xdc00 || low > 0xdfff) return false;
                p += 6;
                unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            } else if (unit >= 0xdc00 && unit < 0xe000) {
                return false;
            }
            character(uint32_t(unit));
            break;
        }
        default: return false;
        }
    }
    return true;
}

int64_t unescape(uint8_t *target, std::string_view text) {
    uint8_t *out = target;
    bool isValid = walkEscapes(
        text,
        [&](const uint8_t *run, size_t count) {
            memmove(out, run, count);
            out += count;
        },
        [&](uint32_t c) {
            if (c < 0x80) {
                *out++ = uint8_t(c);
            } else if (c < 0x800) {
                *out++ = uint8_t(0xc0 | c >> 6);
                *out++ = uint8_t(0x80 | (c & 0x3f));
            } else if (c < 0x10000) {
                *out++ = uint8_t(0xe0 | c >> 12);
                *out++ = uint8_t(0x80 | (c >> 6 & 0x3f));
                *out++ = uint8_t(0x80 | (c & 0x3f));
            } else {
                *out++ = uint8_t(0xf0 | c >> 18);
                *out++ = uint8_t(0x80 | (c >> 12 & 0x3f));
                *out++ = uint8_t(0x80 | (c >> 6 & 0x3f));
                *out++ = uint8_t(0x80 | (c & 0x3f));
            }
        });
    return isValid ? out - target : -1;
}

bool hasValidEscapes(std::string_view text) {
    return walkEscapes(text, [](const uint8_t *, size_t) {}, [](uint32_t) {});
}

static constexpr std::array<int8_t, 256> base64Digits = [] {
    std::array<int8_t, 256> digits{};
    digits.fill(-1);
    const char *alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < 64; i++) digits[uint8_t(alphabet[i])] = int8_t(i);
    digits['-'] = 62;
    digits['_'] = 63;
    return digits;
}();

int64_t decodeBase64(uint8_t *target, std::string_view text) {
    size_t count = text.size();
    if (count > 0 && text[count - 1] == '=') {
        // Padding must complete the last group of four.
        if (count % 4 != 0) return -1;
        count -= text[count - 2] == '=' ? 2 : 1;
    }
    if (count % 4 == 1) return -1;
    const uint8_t *p = reinterpret_cast<const uint8_t *>(text.data());
    uint8_t *out = target;
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        int32_t a = base64Digits[p[i]], b = base64Digits[p[i + 1]], c = base64Digits[p[i + 2]],
                d = base64Digits[p[i + 3]];
        if ((a | b | c | d) < 0) return -1;
        uint32_t group = uint32_t(a << 18 | b << 12 | c << 6 | d);
        *out++ = uint8_t(group >> 16);
        *out++ = uint8_t(group >> 8);
        *out++ = uint8_t(group);
    }
    if (i < count) {
        int32_t a = base64Digits[p[i]], b = base64Digits[p[i + 1]];
        int32_t c = count - i == 3 ? base64Digits[p[i + 2]] : 0;
        if ((a | b | c) < 0) return -1;
        uint32_t group = uint32_t(a << 18 | b << 12 | c << 6);
        size_t extra = count - i - 1;
        // Unused bits must be zero, so that each value has only one encoding.
        if (group & (extra == 1 ? 0xffff : 0xff)) return -1;
        *out++ = uint8_t(group >> 16);
        if (extra == 2) *out++ = uint8_t(group >> 8);
    }
    return out - target;
}

bool resolveName(std::string_view raw, std::string &name) {
    name = raw;
    if (raw.find('\\') == std::string_view::npos) return true;
    name.resize(raw.size() + copySlack);
    int64_t count = copyString(reinterpret_cast<uint8_t *>(name.data()), raw);
    if (count < 0) return false;
    name.resize(size_t(count));
    return true;
}

static char lowercased(char c) { return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c; }

std::string lowercased(std::string_view text) {
    std::string result(text);
    for (char &c : result) c = lowercased(c);
    return result;
}

bool isEqualIgnoringCase(std::string_view left, std::string_view right) {
    if (left.size() != right.size()) return false;
    for (size_t i = 0; i < left.size(); i++) {
        if (lowercased(left[i]) != lowercased(right[i])) return false;
    }
    return true;
}

}  // namespace weir
