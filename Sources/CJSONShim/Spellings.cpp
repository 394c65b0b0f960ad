#include "Spellings.h"

#include "Text.h"

namespace weir {

Spellings::Spellings(const std::string &column, const TokenList &tokens, uint32_t object) {
    std::string name;
    uint32_t token = object + 1;
    while (tokens[token] == '"' && tokens[token + 1] == ':') {
        if (!resolveName(tokens.string(token), name)) return;
        if (name == column) {
            if (exact++ == 0) exactAt = token;
        } else if (isEqualIgnoringCase(name, column)) {
            if (others == 0) otherAt = token;
            if (others < 2) (others == 0 ? first : second) = name;
            others++;
        }
        token = tokens.skip(token + 2);
        if (token == 0 || tokens[token] != ',') return;
        token++;
    }
}

std::string Spellings::ambiguity() const {
    if (exact > 1) return " is there twice";
    if (first == second) return " is not there, and '" + first + "', which differs from it in case alone, is there twice";
    return " is not there, and both '" + first + "' and '" + second + "' could be it: they differ from it in case alone";
}

}  // namespace weir
