// The members of a change event that say what it is, found in whatever order they come.
#pragma once
#include <string>
#include <string_view>

#include "Tokens.h"

namespace weir {

// Where the change happened, as raw text between quotes; `data()` is null for a name that is not there.
struct Source {
    std::string_view database, schema, table;

    bool isKnown() const { return table.data() != nullptr; }
};

struct Envelope {
    // Tokens of the values; 0 for a member that is not there (token 0 never is a member's value).
    uint32_t before = 0, after = 0, op = 0, source = 0, schema = 0, payload = 0;
    Source names;

    // Reads members from the one whose key is at `token` on. Returns the token behind the closing brace, or 0 with
    // `reason` set. `before`, `after`, `schema` and `payload` are only stepped over; so is `source` in a record's key,
    // where it is a column like any other.
    uint32_t readMembers(const Tokens &tokens, uint32_t token, bool isKey, std::string &reason);
};

// Whether an event without an operation is one of Debezium's own: a heartbeat, the begin or end of a transaction, a schema
// change. `token` is the key of its first member.
bool isWithoutRows(const Tokens &tokens, uint32_t token);

}  // namespace weir
