// The members of one object that could be a column: by its exact name, or by one that differs in case alone.
#pragma once
#include <string>

#include "Tokens.h"

namespace weir {

// The answer depends on the object and the column's name only, not on earlier records. The exact name wins. Without it,
// a single other spelling is the column, and of two other spellings neither is.
struct Spellings {
    // How many members have the exact name, and the key of the first.
    size_t exact = 0;
    uint32_t exactAt = 0;
    // How many members differ from it in case alone, and the key of the first.
    size_t others = 0;
    uint32_t otherAt = 0;
    // The names of the first two of these, escapes resolved.
    std::string first, second;

    // Looks at the members of the object at token `object`; at those before the fault if it is malformed.
    Spellings(const std::string &column, const TokenList &tokens, uint32_t object);

    // Whether several members could be the column.
    bool isAmbiguous() const { return exact > 1 || (exact == 0 && others > 1); }
    // Why it is ambiguous; begins behind the column's name.
    std::string ambiguity() const;
};

}  // namespace weir
