// Maps JSON members to columns, guessing from the member order of earlier rows.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "Columns.h"
#include "Notices.h"
#include "Tokens.h"

namespace weir {

// Writers send the members of a row in a fixed order. The guess is therefore the member that followed last time,
// checked by comparing up to 16 bytes. A wrong guess costs a hash lookup and updates the order.
class FieldOrder {
  public:
    static constexpr int32_t ignored = -1;
    // The slot before a row's first member.
    static constexpr uint32_t start = 0;

    // Reports to `notices`, once each, members that are no column and members that match a column except for case.
    FieldOrder(const std::vector<Column> &columns, Notices *notices, int32_t source);

    struct Match {
        uint32_t slot;
        // A column's number, `ignored`, or `badKey` when the key has a bad escape.
        int32_t column;
        // Whether the key differs from the column's name in case. A record with the exact name has another member for it.
        bool isOtherCase;
    };
    static constexpr int32_t badKey = -2;

    // Finds the member at `token`, a string, that follows the member at slot `previous`. The result depends on the key
    // and the columns only.
    [[gnu::always_inline]] Match find(uint32_t previous, const TokenList &tokens, uint32_t token) {
        const Slot *slots = slots_.data();
        uint32_t guess = slots[previous].next;
        const Slot &slot = slots[guess];
        // Without spaces in front of the colon, a key's span is its bytes and two quotes.
        if (tokens.span(token) == slot.span && slot.matches(tokens.begin(token) + 1)) [[likely]] {
            return {guess, slot.column, slot.isOtherCase};
        }
        return search(previous, tokens, token);
    }

    // Columns that `find` gives for their exact name only, although another case is the column as well: a column of
    // another table differs from them in case alone, so that one member can be both.
    const std::vector<int32_t> &contested() const { return contested_; }

    // Reports, once for each column, that a contested column is filled from a member of another case.
    void tellOtherCase(std::string_view name, int32_t column);
    // Reports, once for each column, that a member is not the column, because the exact name is there.
    void tellShadowed(std::string_view name, int32_t column);

  private:
    struct Slot {
        uint64_t low = 0, high = 0, lowMask = 0, highMask = 0;
        size_t span = SIZE_MAX;
        uint32_t next = start;
        int32_t column = ignored;
        bool isOtherCase = false;
        std::string name;

        // Whether the key with as many bytes as this one is the same.
        bool matches(const uint8_t *key) const {
            uint64_t first, second;
            memcpy(&first, key, 8);
            memcpy(&second, key + 8, 8);
            if (((first & lowMask) ^ low) | ((second & highMask) ^ high)) return false;
            return name.size() <= 16 || memcmp(name.data() + 16, key + 16, name.size() - 16) == 0;
        }
    };

    struct Hash {
        using is_transparent = void;
        size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    template <typename Value>
    using ByName = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

    Match search(uint32_t previous, const TokenList &tokens, uint32_t token);
    uint32_t insert(std::string_view key, int32_t column);
    // The only column that differs from a name in case alone; `ignored` when there is none, `severalColumns` when the
    // columns are contested.
    int32_t otherCase(std::string_view name) const;
    void tell(weir_json_notice_kind kind, std::string_view name, int32_t column);

    std::vector<Slot> slots_;
    // By the bytes between the quotes, with unresolved escapes.
    ByName<uint32_t> slotOfKey_;
    ByName<int32_t> columnOfName_;
    // By lower-case name: the column that another case matches, `ignored`, or `severalColumns`.
    ByName<int32_t> columnOfLowercased_;
    static constexpr int32_t severalColumns = -3;
    std::vector<int32_t> contested_;
    // Columns for which the notice was given.
    std::unordered_set<int32_t> otherCaseTold_, shadowTold_;
    Notices *notices_;
    int32_t source_;
    size_t mostSlots_;
};

}  // namespace weir
