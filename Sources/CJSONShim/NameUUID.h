// Name-based UUIDs.
#pragma once
#include <string>
#include <string_view>

namespace weir {

// The version 3 UUID of a name without a namespace, in lower case, as Java's `UUID.nameUUIDFromBytes` computes it.
std::string nameUUID(std::string_view name);

}  // namespace weir
