// String escapes, case folding and base64.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir {

// Bytes that a copy may write past the end of the text.
inline constexpr size_t copySlack = 64;

// Resolves escapes. Returns the bytes written (never more than read), or -1 for a bad escape or an unpaired surrogate.
int64_t unescape(uint8_t *target, std::string_view text);
bool hasValidEscapes(std::string_view text);

// Copies the inside of a string and resolves escapes. `target` must have room for the text and `copySlack`; 15 bytes
// after the text must be readable. Returns the bytes written, or -1 for a bad escape.
inline int64_t copyString(uint8_t *target, std::string_view text) {
    const uint8_t *source = reinterpret_cast<const uint8_t *>(text.data());
    size_t count = text.size();
#if defined(__SSE2__)
    const __m128i backslash = _mm_set1_epi8('\\');
    for (size_t i = 0; i < count; i += 16) {
        __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i *>(source + i));
        _mm_storeu_si128(reinterpret_cast<__m128i *>(target + i), chunk);
        unsigned found = unsigned(_mm_movemask_epi8(_mm_cmpeq_epi8(chunk, backslash)));
        size_t left = count - i;
        if (left < 16) found &= (1u << left) - 1;
        if (found) [[unlikely]] {
            int64_t rest = unescape(target + i, text.substr(i));
            return rest < 0 ? -1 : int64_t(i) + rest;
        }
    }
    return int64_t(count);
#else
    if (count && memchr(source, '\\', count)) return unescape(target, text);
    if (count) memcpy(target, source, count);
    return int64_t(count);
#endif
}

// Resolves the escapes of a member's name, the text between its quotes. False for a bad escape.
bool resolveName(std::string_view raw, std::string &name);

// Lower-cases ASCII letters and keeps other characters.
std::string lowercased(std::string_view text);
bool isEqualIgnoringCase(std::string_view left, std::string_view right);

// Decodes base64 of the standard or the URL-safe alphabet, padded or not. `target` must have room for 3/4 of the text.
// Returns the bytes written, or -1 for invalid text.
int64_t decodeBase64(uint8_t *target, std::string_view text);

}  // namespace weir
