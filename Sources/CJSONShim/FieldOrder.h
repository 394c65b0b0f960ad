// Which column a JSON member belongs to, guessed from the order the last rows had.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "Columns.h"
#include "Notices.h"

namespace weir {

// Writers send the members of a row in one order, so after a member the one that followed it last time comes first to
// mind, and a comparison of up to 16 bytes confirms it. A wrong guess costs a hash lookup and corrects the order.
class FieldOrder {
  public:
    static constexpr int32_t ignored = -1;
    // The slot in front of a row's first member.
    static constexpr uint32_t start = 0;

    // Members that are no column, and those that are one but for their case, are told to `notices`, once each.
    FieldOrder(const std::vector<Column> &columns, Notices *notices, int32_t source);

    struct Match {
        uint32_t slot;
        // A column's number, `ignored`, or `badKey` when the key's escapes are wrong.
        int32_t column;
    };
    static constexpr int32_t badKey = -2;

    // What the member behind the one at slot `previous` is.
    Match find(uint32_t previous, std::string_view key) {
        uint32_t guess = slots_[previous].next;
        if (slots_[guess].matches(key)) [[likely]] return {guess, slots_[guess].column};
        return search(previous, key);
    }

    // A second member wants to be this column. True when one of them only differs from it in case: those are no column
    // any more, and the row is to be read again.
    bool dropOtherCases(int32_t column);

    // Whether a key, its escapes not resolved, is exactly the column's name.
    bool isNamed(std::string_view key, int32_t column) const;

  private:
    struct Slot {
        uint64_t low = 0, high = 0, lowMask = 0, highMask = 0;
        uint32_t count = UINT32_MAX;
        uint32_t next = start;
        int32_t column = ignored;
        bool isOtherCase = false;
        std::string name;

        bool matches(std::string_view key) const {
            if (key.size() != count) return false;
            uint64_t first, second;
            memcpy(&first, key.data(), 8);
            memcpy(&second, key.data() + 8, 8);
            if (((first & lowMask) ^ low) | ((second & highMask) ^ high)) return false;
            return count <= 16 || memcmp(name.data() + 16, key.data() + 16, count - 16) == 0;
        }
    };

    struct Hash {
        using is_transparent = void;
        size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    template <typename Value>
    using ByName = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

    Match search(uint32_t previous, std::string_view key);
    // The text of a key; false when its escapes are wrong.
    static bool resolve(std::string_view key, std::string &name);
    uint32_t insert(std::string_view key, int32_t column);
    // The only column that differs from a name in case alone; `ignored` when there is none.
    int32_t otherCase(std::string_view name) const;
    void tell(weir_json_notice_kind kind, std::string_view name, int32_t column);

    std::vector<Slot> slots_;
    // By the bytes between the quotes, escapes not resolved.
    ByName<uint32_t> slotOfKey_;
    ByName<int32_t> columnOfName_;
    // By names in lower case; `ignored` where several columns have that one, or several members.
    ByName<int32_t> columnOfLowercased_;
    // For columns that keys without a slot only differ from in case, one of those keys.
    std::unordered_map<int32_t, std::string> forgottenCases_;
    Notices *notices_;
    int32_t source_;
    size_t mostSlots_;
};

}  // namespace weir
