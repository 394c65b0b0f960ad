#include "Tokens.h"

#include "Text.h"

namespace weir {

static constexpr size_t smallestCapacity = 64 * 1024;
static constexpr size_t keptCapacity = 16 * 1024 * 1024;
// The maximum nesting depth. Deeper text is considered hostile.
static constexpr uint32_t deepest = 1024;

const char *Tokens::index(const uint8_t *text, size_t count) {
    count_ = 0;
    if (count > capacity_ || !indexer_) {
        size_t capacity = smallestCapacity;
        while (capacity < count) capacity *= 2;
        indexer_.reset();
        capacity_ = 0;
        auto error =
            simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, indexer_);
        if (error) return simdjson::error_message(error);
        capacity_ = capacity;
    }
    auto error = indexer_->stage1(text, count, simdjson::stage1_mode::regular);
    if (error) [[unlikely]] return simdjson::error_message(error);
    text_ = text;
    at_ = indexer_->structural_indexes.get();
    count_ = indexer_->n_structural_indexes;
    return nullptr;
}

void Tokens::shrink() {
    if (capacity_ <= keptCapacity) return;
    indexer_.reset();
    capacity_ = 0;
    count_ = 0;
}

uint32_t TokenList::leap(uint32_t token) const {
    uint8_t first = (*this)[token];
    if (first != '{' && first != '[') return skip(token);
    int64_t depth = 0;
    // Rows mostly hold scalars only. A member of a scalar is four tokens without a bracket between them.
    if (first == '{') {
        const uint32_t *at = at_ + token + 1;
        for (const uint32_t *end = at_ + count_; end - at >= 4; at += 4) {
            if (text_[at[0]] != '"' || text_[at[1]] != ':' || !startsScalar(text_[at[2]])) break;
            uint8_t next = text_[at[3]];
            if (next == '}') return uint32_t(at - at_) + 4;
            if (next != ',') break;
        }
        depth = 1;
        token = uint32_t(at - at_);
    }
    for (; token < count_; token++) {
        uint8_t c = text_[at_[token]];
        // '[' and '{' are 0x5b and 0x7b, ']' and '}' are 0x5d and 0x7d. No other first character of a token folds to
        // these.
        uint8_t folded = c | 0x20;
        depth += folded == 0x7b;
        depth -= folded == 0x7d;
        if (depth == 0) return token + 1;
    }
    return 0;
}

uint32_t TokenList::skipNested(uint32_t token, bool scalars) const {
    uint64_t isObject[deepest / 64];
    uint32_t depth = 0;
    // Each iteration reads one value, which begins at `token`.
    while (true) {
        uint8_t c = (*this)[token];
        if (c == '{' || c == '[') {
            if (depth == deepest) return 0;
            uint64_t bit = uint64_t(1) << (depth & 63);
            isObject[depth >> 6] = c == '{' ? isObject[depth >> 6] | bit : isObject[depth >> 6] & ~bit;
            depth++;
            token++;
            uint8_t close = c == '{' ? '}' : ']';
            if ((*this)[token] == close) {
                depth--;
                token++;
            } else {
                if (c == '[') continue;
                if ((*this)[token] != '"' || (*this)[token + 1] != ':') return 0;
                if (scalars && !isScalar(token)) return 0;
                token += 2;
                continue;
            }
        } else {
            if (!startsScalar(c) || (scalars && !isScalar(token))) return 0;
            token++;
        }
        // After a value: close the brackets that end here, then go to the next value.
        while (true) {
            if (depth == 0) return token;
            bool object = isObject[(depth - 1) >> 6] >> ((depth - 1) & 63) & 1;
            uint8_t next = (*this)[token];
            if (next == ',') {
                token++;
                if (object) {
                    if ((*this)[token] != '"' || (*this)[token + 1] != ':') return 0;
                    if (scalars && !isScalar(token)) return 0;
                    token += 2;
                }
                break;
            }
            if (next != (object ? '}' : ']')) return 0;
            depth--;
            token++;
        }
    }
}

bool TokenList::isScalar(uint32_t token) const {
    switch ((*this)[token]) {
    case '"': return hasValidEscapes(string(token));
    case 't': return isWord(token, "true");
    case 'f': return isWord(token, "false");
    case 'n': return isWord(token, "null");
    default: return isJSONNumber(raw(token));
    }
}

bool isJSONNumber(std::string_view text) {
    const char *p = text.data(), *end = p + text.size();
    auto digits = [&] {
        const char *start = p;
        while (p < end && *p >= '0' && *p <= '9') p++;
        return p - start;
    };
    if (p < end && *p == '-') p++;
    const char *integer = p;
    auto count = digits();
    if (count == 0 || (count > 1 && *integer == '0')) return false;
    if (p < end && *p == '.') {
        p++;
        if (digits() == 0) return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        if (digits() == 0) return false;
    }
    return p == end;
}

}  // namespace weir
