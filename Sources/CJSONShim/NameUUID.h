// UUIDs of names.
#pragma once
#include <string>
#include <string_view>

namespace weir {

// The version 3 UUID of bytes without a namespace, in lower case, as Java's `UUID.nameUUIDFromBytes` makes it.
std::string nameUUID(std::string_view name);

}  // namespace weir
