#include "Placeholder.h"

#include "NameUUID.h"
#include "Numbers.h"
#include "Text.h"

namespace weir {

static std::string base64(std::string_view text) {
    static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string result;
    for (size_t i = 0; i < text.size(); i += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++) bits = bits << 8 | (i + k < text.size() ? uint8_t(text[i + k]) : 0);
        for (size_t k = 0; k < 4; k++) result += i + k <= text.size() ? letters[bits >> (18 - 6 * k) & 63] : '=';
    }
    return result;
}

static std::string hex(std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string result;
    for (char c : text) {
        result += digits[uint8_t(c) >> 4];
        result += digits[uint8_t(c) & 15];
    }
    return result;
}

Placeholder::Placeholder(std::string_view text) : text_(text) {
    if (text.empty()) return;
    base64_ = base64(text);
    hex_ = hex(text);
    uuid_ = nameUUID(text);
    map_ = "{\"" + text_ + "\":\"" + text_ + "\"}";
    for (const std::string &form : {text_, base64_, hex_, map_}) lengths_ |= uint64_t(1) << (form.size() & 63);
}

bool Placeholder::isForm(std::string_view text) const {
    return text == text_ || text == base64_ || text == map_ || isEqualIgnoringCase(text, hex_);
}

// Reads the string at `token`. False for another value, and for a malformed or long string.
static bool readText(const TokenList &tokens, uint32_t token, std::string &text) {
    if (tokens[token] != '"') return false;
    std::string_view raw = tokens.string(token);
    if (raw.size() > 4096) return false;
    text.resize(raw.size() + copySlack);
    int64_t count = copyString(reinterpret_cast<uint8_t *>(text.data()), raw);
    text.resize(size_t(count < 0 ? 0 : count));
    return count >= 0;
}

bool Placeholder::matches(const TokenList &tokens, uint32_t token) const {
    if (text_.empty()) return false;
    std::string text;
    switch (tokens[token]) {
    case '"': return readText(tokens, token, text) && matches(text);
    case '[': {
        if (tokens[token + 2] == ']' && readText(tokens, token + 1, text)) return matches(text) || text == uuid_;
        for (size_t i = 0; i < text_.size(); i++) {
            int64_t value;
            uint32_t element = token + 1 + uint32_t(i) * 2;
            bool isLast = i + 1 == text_.size();
            if (parseInteger(tokens.raw(element), value) != Parse::ok || value != int8_t(text_[i]) ||
                tokens[element + 1] != (isLast ? ']' : ','))
                return false;
        }
        return true;
    }
    case '{':
        return tokens[token + 2] == ':' && tokens[token + 4] == '}' && readText(tokens, token + 1, text) &&
               text == text_ && readText(tokens, token + 3, text) && text == text_;
    default: return false;
    }
}

}  // namespace weir
