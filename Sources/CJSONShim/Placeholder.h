// The placeholder that Debezium writes for a value the source left out because the update did not change it.
//
// PostgreSQL leaves out long values stored apart (TOAST), unless the table's REPLICA IDENTITY is FULL. The column's
// type decides the form: the text itself; its bytes in base64 or hex; an array with the text, with a uuid of it or with
// its bytes as numbers; a map from the text to itself.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "Tokens.h"

namespace weir {

class Placeholder {
  public:
    // An empty text disables the placeholder.
    explicit Placeholder(std::string_view text);

    // Whether text with resolved escapes is one of the placeholder's forms.
    bool matches(std::string_view text) const {
        return (lengths_ >> (text.size() & 63) & 1) && isForm(text);
    }
    // Whether the value at `token` is the placeholder.
    bool matches(const TokenList &tokens, uint32_t token) const;
    // Whether the bytes are the placeholder's bytes.
    bool isBytes(const uint8_t *bytes, size_t count) const {
        return !text_.empty() && std::string_view(reinterpret_cast<const char *>(bytes), count) == text_;
    }

  private:
    bool isForm(std::string_view text) const;

    std::string text_, base64_, hex_, uuid_, map_;
    // Bit `n % 64` is set when a form has n characters.
    uint64_t lengths_ = 0;
};

}  // namespace weir
