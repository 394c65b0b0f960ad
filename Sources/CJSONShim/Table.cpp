#include "Table.h"

namespace weir {

Table::Table(std::vector<Column> list, const weir_json_options &options)
    : columns(std::move(list)), rowOrder_(columns), keyOrder_(columns) {
    for (size_t i = 0; i < columns.size(); i++) {
        plans.push_back(planFor(columns[i].type, columns[i].scale, nullptr, options));
        if (columns[i].isKey) keys_.push_back(i);
        if (columns[i].isRequired) required_.push_back(i);
    }
}

void Table::grow() {
    size_t capacity = capacity_ == 0 ? firstCapacity_ : capacity_ * 2;
    for (Column &column : columns) column.reserveRows(capacity, rows);
    kinds_.reserve(capacity, kinds_.base() ? rows : 0, false);
    offsets_.reserve(capacity * 8, offsets_.base() ? rows * 8 : 0, false);
    capacity_ = capacity;
}

void Table::clear() {
    for (Column &column : columns) {
        column.byteCount = 0;
        free(column.values.take(0).base);
        free(column.validity.take(0).base);
    }
    // The next batch is probably as big as this one.
    firstCapacity_ = rows < smallestCapacity ? smallestCapacity : rows + rows / 8;
    rows = 0;
    capacity_ = 0;
}

void Table::cut(size_t row) {
    // At most the row behind the complete ones has been begun.
    for (Column &column : columns) column.cut(row, rows);
    rows = row;
}

bool Table::readRow(
    const Tokens &tokens, uint32_t token, const std::vector<Plan> &plans, const char *part, std::string &reason) {
    const size_t row = rows;
    const uint64_t serial = ++rowsBegun_;
    FieldOrder &order = part[0] == 'k' ? keyOrder_ : rowOrder_;
    uint32_t slot = FieldOrder::start;
    size_t filled = 0;
    auto fail = [&](const std::string &what) {
        reason = std::string(part) + what;
        return false;
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
                Column &column = columns[size_t(match.column)];
                if (column.lastRow == serial) [[unlikely]] return fail("." + column.name + " is there twice");
                column.lastRow = serial;
                filled++;
                if (tokens.isNull(value)) {
                    column.setNull(row);
                    token = value + 1;
                } else {
                    std::string detail;
                    token = readValue(column, plans[size_t(match.column)], tokens, value, row, detail);
                    if (token == 0) [[unlikely]] {
                        return fail("." + column.name + ": expected " + column.typeName() + ", found " +
                                    describe(tokens, value) + (detail.empty() ? "" : ": " + detail));
                    }
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
        for (Column &column : columns) {
            if (column.lastRow != serial) column.setNull(row);
        }
    }
    rows = row + 1;
    return true;
}

bool Table::hasRequired(size_t row, bool all, const char *part, std::string &reason) const {
    for (size_t key : keys_) {
        if (columns[key].isValid(row)) [[likely]] continue;
        reason = std::string(part) + "." + columns[key].name + " is null or absent, but belongs to the primary key";
        return false;
    }
    if (!all) return true;
    for (size_t column : required_) {
        if (columns[column].isValid(row)) [[likely]] continue;
        reason = std::string(part) + "." + columns[column].name + " is null or absent, but the column is required";
        return false;
    }
    return true;
}

bool Table::hasEqualKeys(size_t left, size_t right) const {
    for (size_t key : keys_) {
        if (!columns[key].isEqual(left, right)) return false;
    }
    return true;
}

}  // namespace weir
