#include "NameUUID.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace weir {

// MD5, RFC 1321.
static std::array<uint8_t, 16> md5(std::string_view text) {
    static constexpr int shifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    std::string padded(text);
    padded += '\x80';
    while (padded.size() % 64 != 56) padded += '\0';
    uint64_t bits = uint64_t(text.size()) * 8;
    for (int i = 0; i < 8; i++) padded += char(bits >> (8 * i));
    for (size_t block = 0; block < padded.size(); block += 64) {
        uint32_t words[16];
        memcpy(words, padded.data() + block, 64);
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        for (uint32_t i = 0; i < 64; i++) {
            uint32_t mixed, word;
            switch (i / 16) {
            case 0: mixed = (b & c) | (~b & d), word = i; break;
            case 1: mixed = (d & b) | (~d & c), word = (5 * i + 1) % 16; break;
            case 2: mixed = b ^ c ^ d, word = (3 * i + 5) % 16; break;
            default: mixed = c ^ (b | ~d), word = 7 * i % 16; break;
            }
            uint32_t constant = uint32_t(int64_t(std::abs(std::sin(double(i + 1))) * 4294967296.0));
            uint32_t sum = a + mixed + constant + words[word];
            int shift = shifts[i / 16][i % 4];
            a = d, d = c, c = b;
            b += sum << shift | sum >> (32 - shift);
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    }
    std::array<uint8_t, 16> digest;
    memcpy(digest.data(), state, 16);
    return digest;
}

std::string nameUUID(std::string_view name) {
    static constexpr char digits[] = "0123456789abcdef";
    std::array<uint8_t, 16> bytes = md5(name);
    bytes[6] = (bytes[6] & 0x0f) | 0x30;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    std::string text;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        text += digits[bytes[i] >> 4];
        text += digits[bytes[i] & 15];
    }
    return text;
}

}  // namespace weir
