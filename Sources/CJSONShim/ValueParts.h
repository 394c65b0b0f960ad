// Declarations shared by the readers of single values.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "Numbers.h"
#include "Table.h"
#include "Text.h"

namespace weir {

inline uint32_t explain(Parse parse, std::string &detail) {
    if (parse == Parse::outOfRange) detail = "out of range";
    if (parse == Parse::inexact) detail = "digits would be lost";
    return 0;
}

// A short string with resolved escapes; `read` fails for a malformed or too long string.
struct ShortText {
    uint8_t bytes[128 + copySlack];
    std::string_view text;

    bool read(const TokenList &tokens, uint32_t token) {
        std::string_view raw = tokens.string(token);
        if (!memchr(raw.data(), '\\', raw.size())) [[likely]] {
            text = raw;
            return true;
        }
        if (raw.size() > 128) return false;
        int64_t count = unescape(bytes, raw);
        text = {reinterpret_cast<char *>(bytes), size_t(count < 0 ? 0 : count)};
        return count >= 0;
    }
};

inline bool isNumberStart(uint8_t c) { return c == '-' || (c >= '0' && c <= '9'); }

// Readers for dates, times and timestamps.
Reader temporalReaderFor(weir_json_type type);

}  // namespace weir
