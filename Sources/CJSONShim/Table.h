// Decoded rows of the source tables that share the same destinations.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "ColumnUnits.h"
#include "Columns.h"
#include "ConnectSchema.h"
#include "FieldOrder.h"
#include "Notices.h"
#include "Placeholder.h"
#include "Tokens.h"

namespace weir {

// Amoro's action codes, as `ChangeKind` has them.
enum class Kind : uint8_t { insert = 0, updateBefore = 1, updateAfter = 2, remove = 3 };

// The binding of a source table: its destination table and the member order of its records.
struct Binding {
    int32_t number;
    int32_t table;
    // Row images and record keys have separate member orders.
    FieldOrder rowOrder;
    FieldOrder keyOrder;
    // One per column of the table.
    std::vector<ColumnUnit> units;
    // Column and value of each integer in the current record that says something about its column's unit.
    std::vector<std::pair<size_t, int64_t>> doubts;
    Notices *notices;

    Binding(const std::vector<Column> &columns, int32_t number, int32_t table, Notices *notices)
        : number(number), table(table), rowOrder(columns, notices, number), keyOrder(columns, nullptr, number),
          units(columns.size()), notices(notices) {}
};

// One destination: a subset of the columns, with a key.
struct Target {
    std::vector<uint32_t> keys;
    std::vector<uint32_t> required;
    Memory kinds;
    size_t leftOut = 0;
    // Why the target cannot take the current record; empty when it can.
    std::string refusal;
    // The row that was refused, as a value of `rowsBegun_`.
    uint64_t refusedIn = 0;

    explicit Target(const weir_json_target &target)
        : keys(target.keys, target.keys + target.key_count),
          required(target.required, target.required + target.required_count) {}
};

struct Reading;

class Table {
  public:
    Table(
        std::vector<Column> columns, const weir_json_target *targets, size_t targetCount,
        const weir_json_options &options, const Placeholder *placeholder);

    std::vector<Column> columns;
    std::vector<Target> targets;
    // The plans used without a schema block.
    std::vector<Plan> plans;
    // The number of complete rows.
    size_t rows = 0;

    // Begins a record and makes room for its two rows and one incomplete row after them.
    void beginRecord() {
        if (rows + 3 > capacity_) grow();
        if (!hasRefusals_) [[likely]] return;
        for (Target &target : targets) target.refusal.clear();
        hasRefusals_ = false;
    }
    // Whether some target cannot take the record.
    bool hasRefusals() const { return hasRefusals_; }

    // Reads the object at `token` as the next row. Absent columns become null. On failure nothing is kept, and `reason`
    // says why, beginning with `part` (before, after, key). A value that a column cannot hold excludes the targets that
    // take the column; the call fails only when no target is left.
    bool readRow(
        const TokenList &tokens, uint32_t token, Binding &binding, const std::vector<Plan> &plans, const char *part,
        std::string &reason);
    // Whether row `row` has all key columns of some target and, if `all` is set, all its required columns.
    bool hasRequired(size_t row, bool all, const char *part, std::string &reason);
    // Refuses the record for the targets whose key has the column that is being read. Returns false when no target is
    // left.
    bool refuseAsKey(uint32_t value, Reading &reading, const std::string &detail);
    void setChange(size_t row, Kind kind, int64_t offset) {
        setOffset(row, offset);
        for (Target &target : targets) setKind(target, row, kind);
    }
    // Marks an old row and the new row after it. If the keys differ, they become a delete and an insert.
    void setUpdate(size_t row, int64_t offset);
    // Removes the rows from `row` on, including an incomplete one.
    void cut(size_t row);

    weir_json_vector takeColumn(size_t column) { return columns[column].take(rows); }
    weir_json_memory takeKinds(size_t target) { return targets[target].kinds.take(rows); }
    weir_json_memory takeOffsets() { return offsets_.take(rows * 8); }
    // Resets the table after its columns were taken.
    void clear();

  private:
    enum class RowEnd : uint8_t { complete, failed, restart };

    // Reads the members of `reading.object`, once. `tokens` is a copy of `reading.tokens`.
    RowEnd readMembers(const TokenList tokens, Reading &reading, const Plan *plans, std::string &reason);
    // Decides about a member whose column has a value already or is not meant by other spellings. `isShadowed` is set
    // when the member is left out.
    RowEnd settleSpelling(FieldOrder::Match match, Reading &reading, std::string &reason, bool &isShadowed);
    // Decides about a value that its column cannot hold. `complete` means that the row goes on at `token`.
    RowEnd settleBadValue(
        FieldOrder::Match match, uint32_t value, Reading &reading, std::string &reason, uint32_t &token);
    // Fills a contested column of the row that is being read, if it has no value and one other spelling is there.
    // False when no target is left.
    bool readContested(int32_t number, const Plan *plans, Reading &reading, std::string &reason);
    void grow();
    void setOffset(size_t row, int64_t offset) { memcpy(offsets_.base() + row * 8, &offset, 8); }
    static void setKind(Target &target, size_t row, Kind kind) {
        bool isTaken = target.refusal.empty();
        target.kinds.base()[row] = isTaken ? uint8_t(kind) : WEIR_JSON_LEFT_OUT;
        target.leftOut += !isTaken;
    }
    // Returns false when no target is left.
    bool refuse(Target &target, const std::string &reason);
    bool refuse(size_t column, const std::string &reason);
    // For the column and all further types of it.
    bool refuseAll(int32_t column, const std::string &reason);
    // Whether `other` is the column or a further type of it.
    bool isTwin(size_t other, int32_t column) const;
    // Withdraws the refusals of a row that is read again.
    void withdrawRefusals(uint64_t serial);
    std::string explain(
        const Column &column, const TokenList &tokens, uint32_t value, const char *part,
        const std::string &detail) const;

    static constexpr size_t smallestCapacity = 1024;

    size_t capacity_ = 0;
    size_t firstCapacity_ = smallestCapacity;
    // Counts rows begun, so that a column can tell whether it already has a value in the current row.
    uint64_t rowsBegun_ = 0;
    // By column: the targets that take it.
    std::vector<std::vector<uint32_t>> takers_;
    const Placeholder *placeholder_;
    bool hasRefusals_ = false;
    // Whether the last row that was read has a null.
    bool hasNulls_ = false;
    Memory offsets_;
};

// The row that is being read.
struct Reading {
    Table &table;
    Binding &binding;
    const Placeholder &placeholder;
    const TokenList &tokens;
    size_t row;
    // What the record calls the row: before, after, key, row.
    const char *part;
    FieldOrder &order;
    uint32_t object;
    // The first serial number of the row, which gets another one when it is read again.
    uint64_t first;
    // The number of the record's doubts before the row.
    size_t doubts;
    // The number of the column that is being read.
    size_t number = 0;
    // Why a column cannot hold its value; may stay empty. Empty while values are read well.
    std::string detail = {};
};

// A short, printable form of a value for messages.
std::string describe(const TokenList &tokens, uint32_t token);

}  // namespace weir
