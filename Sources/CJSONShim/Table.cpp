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
        for (uint32_t key : targets[i].keys) columns[key].isKey = true;
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
    const Column &column, const TokenList &tokens, uint32_t value, const char *part, const std::string &detail) const {
    std::string text = std::string(part) + "." + column.name + ": expected " + column.typeName() + ", found " +
                       describe(tokens, value);
    if (placeholder_->matches(tokens, value)) {
        return text + ": the source left out this unchanged value (TOAST); with REPLICA IDENTITY FULL it sends all";
    }
    return detail.empty() ? text : text + ": " + detail;
}

bool Table::readContested(int32_t number, const Plan *plans, Reading &reading, std::string &reason) {
    Column &column = columns[size_t(number)];
    if (column.lastRow == rowsBegun_) return true;
    Spellings found(column.name, reading.tokens, reading.object);
    if (found.others == 0) return true;
    if (found.isAmbiguous()) {
        reason = std::string(reading.part) + "." + column.name + found.ambiguity();
        return refuse(size_t(number), reason);
    }
    reading.order.tellOtherCase(found.first, number);
    uint32_t value = found.otherAt + 2;
    if (reading.tokens.isNull(value)) return true;
    reading.number = size_t(number);
    if (plans[number].read(column, plans[number], value, reading) != 0) {
        column.lastRow = rowsBegun_;
        return true;
    }
    reason = explain(column, reading.tokens, value, reading.part, reading.detail);
    reading.detail.clear();
    return refuse(size_t(number), reason);
}

bool Table::readRow(
    const TokenList &tokens, uint32_t token, Binding &binding, const std::vector<Plan> &plans, const char *part,
    std::string &reason) {
    const size_t row = rows;
    FieldOrder &order = part[0] == 'k' ? binding.keyOrder : binding.rowOrder;
    Reading reading{
        *this, binding, *placeholder_, tokens, row, part, order, token, rowsBegun_ + 1, binding.doubts.size()};
    while (true) {
        const uint64_t serial = ++rowsBegun_;
        switch (readMembers(tokens, reading, plans.data(), reason)) {
        case RowEnd::complete: rows = row + 1; return true;
        case RowEnd::failed: return false;
        case RowEnd::restart:
            // The row is read from its first member, without members that turned out not to be a column.
            cut(row);
            binding.doubts.resize(reading.doubts);
            withdrawRefusals(serial);
        }
    }
}

Table::RowEnd Table::readMembers(
    const TokenList tokens, Reading &reading, const Plan *plans, std::string &reason) {
    const uint64_t serial = rowsBegun_;
    const size_t row = reading.row;
    Column *const list = columns.data();
    uint32_t slot = FieldOrder::start;
    size_t filled = 0;
    hasNulls_ = false;
    auto fail = [&](const char *what) {
        reason = std::string(reading.part) + what;
        return RowEnd::failed;
    };
    uint32_t token = reading.object + 1;
    bool isEmpty = tokens[token] == '}';
    while (!isEmpty) {
        if (tokens[token] != '"' || tokens[token + 1] != ':') [[unlikely]] {
            return fail(" is not a well-formed object: expected a member name and ':'");
        }
        FieldOrder::Match match = reading.order.find(slot, tokens, token);
        slot = match.slot;
        const uint32_t value = token + 2;
        bool isLeftOut = match.column < 0;
        if (!isLeftOut) [[likely]] {
            const Column &head = list[match.column];
            if (head.lastRow == serial || (match.isOtherCase && head.exactRow == reading.first)) [[unlikely]] {
                RowEnd end = settleSpelling(match, reading, reason, isLeftOut);
                if (end != RowEnd::complete) return end;
            }
        }
        if (isLeftOut) [[unlikely]] {
            token = match.column == FieldOrder::badKey ? 0 : tokens.skip(value);
            if (token == 0) [[unlikely]] return fail(" holds a member that is not well-formed JSON");
        } else {
            size_t number = size_t(match.column);
            while (true) {
                Column &column = list[number];
                column.lastRow = serial;
                filled++;
                if (tokens.isNull(value)) {
                    column.setNull(row);
                    hasNulls_ = true;
                    token = value + 1;
                } else {
                    reading.number = number;
                    token = plans[number].read(column, plans[number], value, reading);
                    if (token == 0) [[unlikely]] {
                        RowEnd end = settleBadValue(match, value, reading, reason, token);
                        if (end != RowEnd::complete) return end;
                    }
                }
                if (column.twin < 0) [[likely]] break;
                number = size_t(column.twin);
            }
        }
        uint8_t next = tokens[token];
        if (next == '}') break;
        if (next != ',') [[unlikely]] return fail(" is not a well-formed object: expected ',' or '}'");
        token++;
    }
    if (filled < columns.size()) {
        hasNulls_ = true;
        for (int32_t number : reading.order.contested()) {
            if (!readContested(number, plans, reading, reason)) return RowEnd::failed;
        }
        for (Column &column : columns) {
            if (column.lastRow != serial) column.setNull(row);
        }
    }
    return RowEnd::complete;
}

Table::RowEnd Table::settleSpelling(
    FieldOrder::Match match, Reading &reading, std::string &reason, bool &isShadowed) {
    Column &head = columns[size_t(match.column)];
    isShadowed = true;
    if (head.ambiguousRow == rowsBegun_ || (match.isOtherCase && head.exactRow == reading.first)) {
        return RowEnd::complete;
    }
    Spellings found(head.name, reading.tokens, reading.object);
    if (found.isAmbiguous()) {
        head.ambiguousRow = rowsBegun_;
        reason = std::string(reading.part) + "." + head.name + found.ambiguity();
        auto &doubts = reading.binding.doubts;
        auto isOfColumn = [&](auto &doubt) { return isTwin(doubt.first, match.column); };
        auto own = doubts.begin() + ptrdiff_t(reading.doubts);
        doubts.erase(std::remove_if(own, doubts.end(), isOfColumn), doubts.end());
        return refuseAll(match.column, reason) ? RowEnd::complete : RowEnd::failed;
    }
    head.exactRow = reading.first;
    reading.order.tellShadowed(found.first, match.column);
    // An exact name behind another spelling, whose value stands in the row.
    return found.exactAt > found.otherAt ? RowEnd::restart : RowEnd::complete;
}

Table::RowEnd Table::settleBadValue(
    FieldOrder::Match match, uint32_t value, Reading &reading, std::string &reason, uint32_t &token) {
    const TokenList &tokens = reading.tokens;
    Column &column = columns[reading.number];
    reason = explain(column, tokens, value, reading.part, reading.detail);
    reading.detail.clear();
    if (match.isOtherCase) {
        // A bad value of a member that differs in case must not reject the row when the exact column is present.
        Spellings found(column.name, tokens, reading.object);
        if (found.exact > 0) {
            columns[size_t(match.column)].exactRow = reading.first;
            reading.order.tellShadowed(found.first, match.column);
            return RowEnd::restart;
        }
        if (found.isAmbiguous()) reason = std::string(reading.part) + "." + column.name + found.ambiguity();
    }
    if (!refuse(reading.number, reason)) return RowEnd::failed;
    // Other targets can still take the row.
    column.setNull(reading.row);
    hasNulls_ = true;
    token = tokens.skip(value);
    if (token != 0) return RowEnd::complete;
    reason = std::string(reading.part) + " holds a member that is not well-formed JSON";
    return RowEnd::failed;
}

bool Table::refuseAsKey(uint32_t value, Reading &reading, const std::string &detail) {
    std::string reason = explain(columns[reading.number], reading.tokens, value, reading.part, detail);
    bool isWanted = true;
    for (Target &target : targets) {
        bool isKey = std::find(target.keys.begin(), target.keys.end(), reading.number) != target.keys.end();
        if (isKey) isWanted = refuse(target, reason);
    }
    return isWanted;
}

bool Table::hasRequired(size_t row, bool all, const char *part, std::string &reason) {
    // A row without a null has every column.
    if (!hasNulls_ && !hasRefusals_) return true;
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
