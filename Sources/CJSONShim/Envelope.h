// Finds the members of a change event, in any order.
#pragma once
#include <string>
#include <string_view>

#include "Tokens.h"

namespace weir {

// The source of a change, as raw text between quotes; `data()` is null for an absent name.
struct Source {
    std::string_view database, schema, table;

    bool isKnown() const { return table.data() != nullptr; }
};

struct Envelope {
    // Tokens of the values; 0 for an absent member (token 0 is never a member's value).
    uint32_t before = 0, after = 0, op = 0, source = 0, schema = 0, payload = 0;
    Source names;

    // Reads members starting with the key at `token`. Returns the token after the closing brace, or 0 with `reason`
    // set. `before`, `after`, `schema` and `payload` are only skipped, and so is `source` in a record's key, where it
    // is an ordinary column.
    uint32_t readMembers(const TokenList &list, uint32_t token, bool isKey, std::string &reason);

  private:
    // The member of that name; null for any other name.
    uint32_t *find(std::string_view key);
};

// Whether an event without an operation is one of Debezium's own events: a heartbeat, a transaction begin or end, or a
// schema change. `token` is the key of its first member.
bool isWithoutRows(const TokenList &tokens, uint32_t token);

}  // namespace weir
