// The structural index of one JSON text, built by simdjson's first stage, and strict traversals of it.
//
// Stage 1 finds, 64 bytes at a time, where every bracket, colon, comma, string and scalar begins, and checks UTF-8,
// control characters and unclosed strings. Reading values directly from that index, without simdjson's DOM or On-Demand
// front ends, has three advantages: rows are written in one pass over the text; the processor implementation is chosen
// at run time (On-Demand is compiled for the build's baseline instruction set); and the caller's buffer needs no
// writable padding.
//
// simdjson is built into this target, unchanged, under another namespace (`simdjson` is defined as `weir_simdjson`):
// Arrow's Parquet library exports the symbols of another version, and the loader would mix the two.
#pragma once
#include "simdjson/simdjson.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace weir {

// The tokens of a text. A value, so that a loop can keep its members in registers: through a reference, the compiler
// must load them again after every byte that is stored.
class TokenList {
  public:
    // The first character of a token; 0 after the last token.
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
        const uint8_t *first = text_ + at_[token];
        size_t count = at_[token + 1] - at_[token];
        if (count > 2 && first[count - 1] == '"') [[likely]] {
            return {reinterpret_cast<const char *>(first + 1), count - 2};
        }
        std::string_view all = raw(token);
        return all.substr(1, all.size() < 2 ? 0 : all.size() - 2);
    }

    // The bytes from a token's beginning to the next token's beginning.
    size_t span(uint32_t token) const { return at_[token + 1] - at_[token]; }

    // Skips the value at `token` and returns the token after it. Checks the placement of brackets, commas and colons
    // and the first character of every scalar; returns 0 when one is wrong.
    uint32_t skip(uint32_t token) const {
        uint8_t first = (*this)[token];
        if (first == '{' || first == '[') return skipNested(token, false);
        return startsScalar(first) ? token + 1 : 0;
    }

    // Like `skip`, but checks scalars and escapes completely.
    uint32_t validate(uint32_t token) const {
        uint8_t first = (*this)[token];
        if (first == '{' || first == '[') return skipNested(token, true);
        return startsScalar(first) && isScalar(token) ? token + 1 : 0;
    }

    // Skips the value at `token` by counting brackets only, for values whose grammar is checked when they are read.
    // Returns 0 when the text ends first.
    uint32_t leap(uint32_t token) const;

    // Whether a token that is not a string is exactly this word.
    bool isWord(uint32_t token, std::string_view word) const { return raw(token) == word; }
    bool isNull(uint32_t token) const { return (*this)[token] == 'n' && isWord(token, "null"); }
    bool isScalar(uint32_t token) const;

  protected:
    const uint8_t *text_ = nullptr;
    const uint32_t *at_ = nullptr;
    uint32_t count_ = 0;

  private:
    static bool isSpace(uint8_t c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
    static bool startsScalar(uint8_t c) { return scalarStarts[c]; }
    uint32_t skipNested(uint32_t token, bool scalars) const;

    static constexpr std::array<bool, 256> scalarStarts = [] {
        std::array<bool, 256> starts{};
        for (uint8_t c : {'"', '-', 't', 'f', 'n', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'}) starts[c] = true;
        return starts;
    }();
};

class Tokens : public TokenList {
  public:
    // Indexes the text. Returns null on success, otherwise the reason why the text cannot be indexed.
    const char *index(const uint8_t *text, size_t count);

    // Releases the memory of an unusually large text.
    void shrink();

  private:
    std::unique_ptr<simdjson::internal::dom_parser_implementation> indexer_;
    size_t capacity_ = 0;
};

// Whether the text is a number by JSON's grammar.
bool isJSONNumber(std::string_view text);

}  // namespace weir
