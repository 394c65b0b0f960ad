#include "Table.h"

#include <algorithm>
#include <unordered_map>

#include "Spellings.h"

namespace weir {

Table::Table(
    std::vector<Column> list, const weir_json_target *wanted, size_t targetCount, const weir_json_options &options,
    const Placeholder *placeholder)
    : columns(std::move(list)), takers_(columns.size()), placeholder_(placeholder) {
    std::unordered_map<std::string, size_t> last;
    for (size_t i = 0; i < columns.size(); i++) {
        plans.push_back(planFor(columns[i].type, columns[i].scale, nullptr, options));
        auto [entry, isNew] = last.try_emplace(columns[i].name, i);
        if (!isNew) columns[entry->second].twin = int32_t(i);
        entry->second = i;
    }
    for (size_t i = 0; i < targetCount; i++) {
        targets.emplace_back(wanted[i]);
        for (size_t k = 0; k < wanted[i].column_count; k++) takers_[wanted[i].columns[k]].push_back(uint32_t(i));
    }
}

void Table::grow() {
    size_t capacity = capacity_ == 0 ? firstCapacity_ : capacity_ * 2;
    for (Column &column : columns) column.reserveRows(capacity, rows);
    for (Target &target : targets) target.kinds.reserve(capacity, target.kinds.base() ? rows : 0, false);
    offsets_.reserve(capacity * 8, offsets_.base() ? rows * 8 : 0, false);
    capacity_ = capacity;
}

void Table::clear() {
    for (Column &column : columns) {
        column.byteCount = 0;
        free(column.values.take(0).base);
        free(column.validity.take(0).base);
    }
    for (Target &target : targets) target.leftOut = 0;
    // The next batch is expected to have a similar size.
    firstCapacity_ = rows < smallestCapacity ? smallestCapacity : rows + rows / 8;
    rows = 0;
    capacity_ = 0;
}

void Table::cut(size_t row) {
    // At most one incomplete row follows the complete ones.
    for (Column &column : columns) column.cut(row, rows);
    rows = row;
}

bool Table::refuse(Target &target, const std::string &reason) {
    hasRefusals_ = true;
    if (target.refusal.empty()) {
        target.refusal = reason;
        target.refusedIn = rowsBegun_;
    }
    for (const Target &other : targets) {
        if (other.refusal.empty()) return true;
    }
    return false;
}

bool Table::refuse(size_t column, const std::string &reason) {
    bool isWanted = false;
    for (uint32_t taker : takers_[column]) isWanted = refuse(targets[taker], reason);
    return isWanted;
}

bool Table::refuseAll(int32_t column, const std::string &reason) {
    bool isWanted = false;
    for (; column >= 0; column = columns[size_t(column)].twin) isWanted = refuse(size_t(column), reason);
    return isWanted;
}

bool Table::isTwin(size_t other, int32_t column) const {
    while (column >= 0 && size_t(column) != other) column = columns[size_t(column)].twin;
    return column >= 0;
}

void Table::withdrawRefusals(uint64_t serial) {
    if (!hasRefusals_) return;
    hasRefusals_ = false;
    for (Target &target : targets) {
        if (target.refusedIn == serial) target.refusal.clear();
        hasRefusals_ |= !target.refusal.empty();
    }
}

std::string Table::explain(
    const Column &column, const Tokens &tokens, uint32_t value, const char *part, const std::string &detail) const {
    std::string text = std::string(part) + "." + column.name + ": expected " + column.typeName() + ", found " +
                       describe(tokens, value);
    if (placeholder_->matches(tokens, value)) {
        return text + ": the source left out this unchanged value (TOAST); with REPLICA IDENTITY FULL it sends all";
    }
    return detail.empty() ? text : text + ": " + detail;
}

bool Table::readContested(
    const Tokens &tokens, uint32_t object, int32_t number, size_t row, uint64_t serial, FieldOrder &order,
    const std::vector<Plan> &plans, Reading &reading, const char *part, std::string &reason) {
    Column &column = columns[size_t(number)];
    if (column.lastRow == serial) return true;
    Spellings found(column.name, tokens, object);
    if (found.others == 0) return true;
    if (found.isAmbiguous()) {
        reason = std::string(part) + "." + column.name + found.ambiguity();
        return refuse(size_t(number), reason);
    }
    order.tellOtherCase(found.first, number);
    uint32_t value = found.otherAt + 2;
    if (tokens.isNull(value)) return true;
    std::string detail;
    reading.number = size_t(number);
    if (readValue(column, plans[size_t(number)], tokens, value, row, reading, detail) != 0) {
        column.lastRow = serial;
        return true;
    }
    reason = explain(column, tokens, value, part, detail);
    return refuse(size_t(number), reason);
}

bool Table::readRow(
    const Tokens &tokens, uint32_t token, Binding &binding, const std::vector<Plan> &plans, const char *part,
    std::string &reason) {
    const size_t row = rows;
    const uint32_t object = token;
    uint64_t serial = ++rowsBegun_;
    FieldOrder &order = part[0] == 'k' ? binding.keyOrder : binding.rowOrder;
    uint32_t slot = FieldOrder::start;
    size_t filled = 0;
    auto fail = [&](const std::string &what) {
        reason = std::string(part) + what;
        return false;
    };
    Reading reading{*this, binding, *placeholder_, 0};
    // After a restart the row is read from its first member, without members that turned out not to be a column.
    const uint64_t first = serial;
    const size_t doubts = binding.doubts.size();
    auto restart = [&]() {
        cut(row);
        binding.doubts.resize(doubts);
        withdrawRefusals(serial);
        serial = ++rowsBegun_;
        token = object + 1;
        slot = FieldOrder::start;
        filled = 0;
    };
    token++;
    if (tokens[token] != '}') {
        while (true) {
            if (tokens[token] != '"' || tokens[token + 1] != ':') [[unlikely]] {
                return fail(" is not a well-formed object: expected a member name and ':'");
            }
            FieldOrder::Match match = order.find(slot, tokens.string(token));
            slot = match.slot;
            uint32_t value = token + 2;
            if (match.column >= 0) [[likely]] {
                Column &head = columns[size_t(match.column)];
                bool isShadowed = false;
                if (match.isOtherCase || head.lastRow == serial) {
                    isShadowed = head.ambiguousRow == serial || (match.isOtherCase && head.exactRow == first);
                }
                if (head.lastRow == serial && !isShadowed) [[unlikely]] {
                    Spellings found(head.name, tokens, object);
                    if (found.isAmbiguous()) {
                        head.ambiguousRow = serial;
                        reason = std::string(part) + "." + head.name + found.ambiguity();
                        auto isOfColumn = [&](auto &doubt) { return isTwin(doubt.first, match.column); };
                        auto own = binding.doubts.begin() + ptrdiff_t(doubts);
                        binding.doubts.erase(std::remove_if(own, binding.doubts.end(), isOfColumn), binding.doubts.end());
                        if (!refuseAll(match.column, reason)) return false;
                    } else {
                        head.exactRow = first;
                        order.tellShadowed(found.first, match.column);
                        // An exact name behind another spelling, whose value stands in the row.
                        if (found.exactAt > found.otherAt) {
                            restart();
                            continue;
                        }
                    }
                    isShadowed = true;
                }
                size_t number = size_t(match.column);
                bool isRestarted = false;
                if (isShadowed) [[unlikely]] {
                    token = tokens.skip(value);
                    if (token == 0) return fail(" holds a member that is not well-formed JSON");
                } else {
                    while (true) {
                        Column &column = columns[number];
                        column.lastRow = serial;
                        filled++;
                        if (tokens.isNull(value)) {
                            column.setNull(row);
                            token = value + 1;
                        } else {
                            std::string detail;
                            reading.number = number;
                            token = readValue(column, plans[number], tokens, value, row, reading, detail);
                            if (token == 0) [[unlikely]] {
                                reason = explain(column, tokens, value, part, detail);
                                if (match.isOtherCase) {
                                    // A bad value of a member that differs in case must not reject the row when the
                                    // exact column is present.
                                    Spellings found(column.name, tokens, object);
                                    if (found.exact > 0) {
                                        head.exactRow = first;
                                        order.tellShadowed(found.first, match.column);
                                        restart();
                                        isRestarted = true;
                                        break;
                                    }
                                    if (found.isAmbiguous()) {
                                        reason = std::string(part) + "." + column.name + found.ambiguity();
                                    }
                                }
                                if (!refuse(number, reason)) return false;
                                // Other targets can still take the row.
                                column.setNull(row);
                                token = tokens.skip(value);
                                if (token == 0) return fail(" holds a member that is not well-formed JSON");
                            }
                        }
                        if (column.twin < 0) [[likely]] break;
                        number = size_t(column.twin);
                    }
                    if (isRestarted) [[unlikely]] continue;
                }
            } else {
                token = match.column == FieldOrder::badKey ? 0 : tokens.skip(value);
                if (token == 0) [[unlikely]] return fail(" holds a member that is not well-formed JSON");
            }
            uint8_t next = tokens[token];
            if (next == ',') {
                token++;
            } else if (next == '}') {
                break;
            } else [[unlikely]] {
                return fail(" is not a well-formed object: expected ',' or '}'");
            }
        }
    }
    if (filled < columns.size()) {
        for (int32_t number : order.contested()) {
            if (!readContested(tokens, object, number, row, serial, order, plans, reading, part, reason)) return false;
        }
        for (Column &column : columns) {
            if (column.lastRow != serial) column.setNull(row);
        }
    }
    rows = row + 1;
    return true;
}

bool Table::hasRequired(size_t row, bool all, const char *part, std::string &reason) {
    bool isWanted = targets.empty();
    for (Target &target : targets) {
        if (!target.refusal.empty()) [[unlikely]] continue;
        auto isMissing = [&](const std::vector<uint32_t> &list, const char *what) {
            for (uint32_t column : list) {
                if (columns[column].isValid(row)) [[likely]] continue;
                reason = std::string(part) + "." + columns[column].name + " is null or absent, but " + what;
                return true;
            }
            return false;
        };
        if (isMissing(target.keys, "belongs to the primary key") ||
            (all && isMissing(target.required, "the column is required"))) {
            refuse(target, reason);
        } else {
            isWanted = true;
        }
    }
    return isWanted;
}

void Table::setUpdate(size_t row, int64_t offset) {
    setOffset(row, offset);
    setOffset(row + 1, offset);
    for (Target &target : targets) {
        bool isSameKey = true;
        for (uint32_t key : target.keys) isSameKey = isSameKey && columns[key].isEqual(row, row + 1);
        setKind(target, row, isSameKey ? Kind::updateBefore : Kind::remove);
        setKind(target, row + 1, isSameKey ? Kind::updateAfter : Kind::insert);
    }
}

}  // namespace weir
