#include "FieldOrder.h"

#include "Text.h"

namespace weir {

// Slot 1 stands for keys that are not remembered because the limit is reached.
static constexpr uint32_t forgotten = 1;
static constexpr size_t rememberedExtras = 1024;
static constexpr size_t longestRemembered = 1024;

FieldOrder::FieldOrder(const std::vector<Column> &columns, Notices *notices, int32_t source)
    : slots_(2), notices_(notices), source_(source), mostSlots_(columns.size() + rememberedExtras) {
    slotOfKey_.reserve(columns.size());
    uint32_t previous = start;
    for (size_t i = 0; i < columns.size(); i++) {
        const std::string &name = columns[i].name;
        // A further type of an existing column is filled from the same member.
        if (!columnOfName_.emplace(name, int32_t(i)).second) continue;
        auto [entry, isNew] = columnOfLowercased_.emplace(lowercased(name), int32_t(i));
        if (!isNew) entry->second = ignored;
        // `search` finds names with characters that JSON escapes.
        if (name.find_first_of("\\\"") != std::string::npos) continue;
        uint32_t slot = insert(name, int32_t(i));
        slots_[previous].next = slot;
        previous = slot;
    }
    for (size_t i = 0; i < columns.size(); i++) {
        int32_t &column = columnOfLowercased_[lowercased(columns[i].name)];
        if (column >= 0 || columns[i].isExact) continue;
        column = severalColumns;
        contested_.push_back(int32_t(i));
    }
}

uint32_t FieldOrder::insert(std::string_view key, int32_t column) {
    Slot slot;
    slot.name = std::string(key);
    slot.span = key.size() + 2;
    slot.column = column;
    uint8_t bytes[16] = {}, masks[16] = {};
    size_t head = key.size() < 16 ? key.size() : 16;
    memcpy(bytes, key.data(), head);
    memset(masks, 0xff, head);
    memcpy(&slot.low, bytes, 8);
    memcpy(&slot.high, bytes + 8, 8);
    memcpy(&slot.lowMask, masks, 8);
    memcpy(&slot.highMask, masks + 8, 8);
    uint32_t number = uint32_t(slots_.size());
    slots_.push_back(std::move(slot));
    slotOfKey_.emplace(std::string(key), number);
    return number;
}

FieldOrder::Match FieldOrder::search(uint32_t previous, const TokenList &tokens, uint32_t token) {
    std::string_view key = tokens.string(token);
    const Slot &guess = slots_[slots_[previous].next];
    if (key.size() + 2 == guess.span && guess.matches(tokens.begin(token) + 1)) {
        return {slots_[previous].next, guess.column, guess.isOtherCase};
    }
    auto known = slotOfKey_.find(key);
    if (known != slotOfKey_.end()) {
        slots_[previous].next = known->second;
        return {known->second, slots_[known->second].column, slots_[known->second].isOtherCase};
    }
    int32_t column = ignored;
    std::string name;
    if (!resolveName(key, name)) return {forgotten, badKey, false};
    if (key.find('\\') != std::string_view::npos) {
        auto named = columnOfName_.find(name);
        if (named != columnOfName_.end()) column = named->second;
    }
    bool isOtherCase = column == ignored;
    if (isOtherCase) column = otherCase(name);
    bool isExtra = column == ignored;
    if (column < 0) column = ignored;
    isOtherCase &= column != ignored;
    // Bound the memory for keys invented by hostile data.
    if (slots_.size() >= mostSlots_ || key.size() > longestRemembered) {
        if (isOtherCase) tellOtherCase(name, column);
        return {forgotten, column, isOtherCase};
    }
    uint32_t slot = insert(key, column);
    slots_[previous].next = slot;
    slots_[slot].isOtherCase = isOtherCase;
    if (isOtherCase) {
        otherCaseTold_.insert(column);
        tell(WEIR_JSON_OTHER_CASE, name, column);
    } else if (isExtra) {
        tell(WEIR_JSON_EXTRA_MEMBER, name, column);
    }
    return {slot, column, isOtherCase};
}

int32_t FieldOrder::otherCase(std::string_view name) const {
    if (name.size() > longestRemembered) return ignored;
    auto found = columnOfLowercased_.find(lowercased(name));
    return found == columnOfLowercased_.end() ? ignored : found->second;
}

void FieldOrder::tellOtherCase(std::string_view name, int32_t column) {
    if (otherCaseTold_.insert(column).second) tell(WEIR_JSON_OTHER_CASE, name, column);
}

void FieldOrder::tellShadowed(std::string_view name, int32_t column) {
    if (shadowTold_.insert(column).second) tell(WEIR_JSON_SHADOWED_CASE, name, column);
}

void FieldOrder::tell(weir_json_notice_kind kind, std::string_view name, int32_t column) {
    if (notices_) notices_->add({kind, source_, size_t(column < 0 ? 0 : column), 0, std::string(name)});
}

}  // namespace weir
