// Rows of the source tables that go to the same destinations, as they are being decoded.
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

// A source table: where its rows go and what its records look like.
struct Binding {
    int32_t number;
    int32_t table;
    // Row images and record keys have orders of their own.
    FieldOrder rowOrder;
    FieldOrder keyOrder;
    // Of each column of the table.
    std::vector<ColumnUnit> units;
    // Values of the record at hand of which it is not clear what they count: column and value.
    std::vector<std::pair<size_t, int64_t>> doubts;
    Notices *notices;

    Binding(const std::vector<Column> &columns, int32_t number, int32_t table, Notices *notices)
        : number(number), table(table), rowOrder(columns, notices, number), keyOrder(columns, nullptr, number),
          units(columns.size()), notices(notices) {}
};

// One destination: some of the columns, with a key.
struct Target {
    std::vector<uint32_t> keys;
    std::vector<uint32_t> required;
    Memory kinds;
    size_t leftOut = 0;
    // Why it cannot take the record at hand; empty when it can.
    std::string refusal;
    // The row in which it was refused, by the table's count.
    uint64_t refusedIn = 0;

    explicit Target(const weir_json_target &target)
        : keys(target.keys, target.keys + target.key_count),
          required(target.required, target.required + target.required_count) {}
};

class Table {
  public:
    Table(
        std::vector<Column> columns, const weir_json_target *targets, size_t targetCount,
        const weir_json_options &options, const Placeholder *placeholder);

    std::vector<Column> columns;
    std::vector<Target> targets;
    // Plans without a schema block.
    std::vector<Plan> plans;
    // Rows that are complete.
    size_t rows = 0;

    // Begins a record, with room for its two rows and one begun behind them.
    void beginRecord() {
        if (rows + 3 > capacity_) grow();
        if (!hasRefusals_) [[likely]] return;
        for (Target &target : targets) target.refusal.clear();
        hasRefusals_ = false;
    }
    // Some target cannot take the record.
    bool hasRefusals() const { return hasRefusals_; }

    // Reads the object at `token` as the next row. Columns it does not name become null. On failure nothing is kept
    // and `reason` says why; `part` (before, after, key) goes into it. A value that a column cannot hold fails for the
    // targets that take the column, and for all only when no other is left.
    bool readRow(
        const Tokens &tokens, uint32_t token, Binding &binding, const std::vector<Plan> &plans, const char *part,
        std::string &reason);
    // Whether row `row` has a value in every key column (and, when asked, in every required one) of some target.
    bool hasRequired(size_t row, bool all, const char *part, std::string &reason);
    void setChange(size_t row, Kind kind, int64_t offset) {
        setOffset(row, offset);
        for (Target &target : targets) setKind(target, row, kind);
    }
    // The old row and the new one behind it. Where they have other keys, a row goes and another comes.
    void setUpdate(size_t row, int64_t offset);
    // Forgets the rows from `row` on, half-written ones included.
    void cut(size_t row);

    weir_json_vector takeColumn(size_t column) { return columns[column].take(rows); }
    weir_json_memory takeKinds(size_t target) { return targets[target].kinds.take(rows); }
    weir_json_memory takeOffsets() { return offsets_.take(rows * 8); }
    // Starts over after columns were taken.
    void clear();

  private:
    void grow();
    void setOffset(size_t row, int64_t offset) { memcpy(offsets_.base() + row * 8, &offset, 8); }
    static void setKind(Target &target, size_t row, Kind kind) {
        bool isTaken = target.refusal.empty();
        target.kinds.base()[row] = isTaken ? uint8_t(kind) : WEIR_JSON_LEFT_OUT;
        target.leftOut += !isTaken;
    }
    // False when no target is left.
    bool refuse(Target &target, const std::string &reason);
    bool refuse(size_t column, const std::string &reason);
    // Takes back what was refused in a row that is read again.
    void withdrawRefusals(uint64_t serial);
    std::string explain(
        const Column &column, const Tokens &tokens, uint32_t value, const char *part, const std::string &detail) const;

    static constexpr size_t smallestCapacity = 1024;

    size_t capacity_ = 0;
    size_t firstCapacity_ = smallestCapacity;
    // Counts rows begun, so that a column knows whether it has been given a value in this one.
    uint64_t rowsBegun_ = 0;
    // The targets that take a column.
    std::vector<std::vector<uint32_t>> takers_;
    const Placeholder *placeholder_;
    bool hasRefusals_ = false;
    Memory offsets_;
};

// What a value is read with.
struct Reading {
    Table &table;
    Binding &binding;
    const Placeholder &placeholder;
    // The column's number.
    size_t number;
};

// Reads the value at `token` into row `row` of a column. Returns the token behind it, or 0 with `detail` set (it may
// stay empty) when the column cannot hold the value.
uint32_t readValue(
    Column &column, const Plan &plan, const Tokens &tokens, uint32_t token, size_t row, const Reading &reading,
    std::string &detail);

// A bounded, printable picture of a value for messages.
std::string describe(const Tokens &tokens, uint32_t token);

}  // namespace weir
