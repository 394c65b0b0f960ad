// The structural index of one JSON text, made by simdjson's first stage, and strict walks over it.
//
// Stage 1 finds, 64 bytes at a time, where every bracket, colon, comma, string and scalar begins, and checks UTF-8,
// control characters and unclosed strings. Reading values straight from that index, instead of through the DOM or
// On-Demand front ends, lets rows be written while the text is walked once, keeps the processor dispatch at run time
// (On-Demand is compiled for the baseline instruction set of the build), and needs no padding that is ours to write.
//
// simdjson is built into this target, unchanged, in a namespace of our own (`simdjson` is defined as `weir_simdjson`):
// Arrow's Parquet library exports the symbols of another version, and a loader would mix the two.
#pragma once
#include "simdjson/simdjson.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace weir {

class Tokens {
  public:
    // Why the text cannot be indexed; null when it can.
    const char *index(const uint8_t *text, size_t count);

    // The character a token begins with; 0 behind the last token.
    uint8_t operator[](uint32_t token) const { return token < count_ ? text_[at_[token]] : 0; }
    uint32_t count() const { return count_; }
    const uint8_t *begin(uint32_t token) const { return text_ + at_[token]; }

    // The bytes of a scalar or string token, quotes included.
    std::string_view raw(uint32_t token) const {
        const uint8_t *first = text_ + at_[token];
        const uint8_t *last = text_ + at_[token + 1];
        while (last > first + 1 && isSpace(last[-1])) last--;
        return {reinterpret_cast<const char *>(first), size_t(last - first)};
    }

    // The bytes between a string's quotes, escapes not yet resolved.
    std::string_view string(uint32_t token) const {
        std::string_view all = raw(token);
        return all.substr(1, all.size() < 2 ? 0 : all.size() - 2);
    }

    // The token behind the value at `token`, checking that brackets, commas and colons are where JSON wants them and
    // that every scalar begins like one. 0 when they are not.
    uint32_t skip(uint32_t token) const {
        uint8_t first = (*this)[token];
        if (first == '{' || first == '[') return skipNested(token, false);
        return startsScalar(first) ? token + 1 : 0;
    }

    // As `skip`, with scalars and escapes checked to the last character.
    uint32_t validate(uint32_t token) const {
        uint8_t first = (*this)[token];
        if (first == '{' || first == '[') return skipNested(token, true);
        return startsScalar(first) && isScalar(token) ? token + 1 : 0;
    }

    // The token behind the value at `token`, counting brackets only. 0 when the text ends first. For values whose
    // grammar is checked when they are read.
    uint32_t leap(uint32_t token) const;

    // Whether a token that is not a string is exactly this word.
    bool isWord(uint32_t token, std::string_view word) const { return raw(token) == word; }
    bool isNull(uint32_t token) const { return (*this)[token] == 'n' && isWord(token, "null"); }
    bool isScalar(uint32_t token) const;

    // Gives memory of an unusually big text back.
    void shrink();

  private:
    static bool isSpace(uint8_t c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
    static bool startsScalar(uint8_t c) {
        return c == '"' || c == '-' || (c >= '0' && c <= '9') || c == 't' || c == 'f' || c == 'n';
    }
    uint32_t skipNested(uint32_t token, bool scalars) const;

    std::unique_ptr<simdjson::internal::dom_parser_implementation> indexer_;
    size_t capacity_ = 0;
    const uint8_t *text_ = nullptr;
    const uint32_t *at_ = nullptr;
    uint32_t count_ = 0;
};

// Whether the text is a number by JSON's grammar.
bool isJSONNumber(std::string_view text);

}  // namespace weir
