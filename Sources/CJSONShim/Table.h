// Rows of one destination table, as they are being decoded.
#pragma once
#include <string>
#include <vector>

#include "Columns.h"
#include "ConnectSchema.h"
#include "FieldOrder.h"
#include "Tokens.h"

namespace weir {

// Amoro's action codes, as `ChangeKind` has them.
enum class Kind : uint8_t { insert = 0, updateBefore = 1, updateAfter = 2, remove = 3 };

class Table {
  public:
    Table(std::vector<Column> columns, const weir_json_options &options);

    std::vector<Column> columns;
    // Plans without a schema block.
    std::vector<Plan> plans;
    // Rows that are complete.
    size_t rows = 0;

    // Room for two more rows and one begun behind them.
    void reserve() {
        if (rows + 3 > capacity_) grow();
    }

    // Reads the object at `token` as the next row. Columns it does not name become null. On failure nothing is kept
    // and `reason` says why; `part` (before, after, key) goes into it.
    bool readRow(
        const Tokens &tokens, uint32_t token, const std::vector<Plan> &plans, const char *part, std::string &reason);
    // Whether row `row` has a value in every key column (and, when asked, in every required one).
    bool hasRequired(size_t row, bool all, const char *part, std::string &reason) const;
    bool hasEqualKeys(size_t left, size_t right) const;
    void setChange(size_t row, Kind kind, int64_t offset) {
        kinds_.base()[row] = uint8_t(kind);
        memcpy(offsets_.base() + row * 8, &offset, 8);
    }
    // Forgets the rows from `row` on, half-written ones included.
    void cut(size_t row);

    weir_json_vector takeColumn(size_t column) { return columns[column].take(rows); }
    weir_json_memory takeKinds() { return kinds_.take(rows); }
    weir_json_memory takeOffsets() { return offsets_.take(rows * 8); }
    // Starts over after columns were taken.
    void clear();

  private:
    void grow();

    static constexpr size_t smallestCapacity = 1024;

    size_t capacity_ = 0;
    size_t firstCapacity_ = smallestCapacity;
    // Counts rows begun, so that a column knows whether it has been given a value in this one.
    uint64_t rowsBegun_ = 0;
    std::vector<size_t> keys_;
    std::vector<size_t> required_;
    // Row images and record keys have orders of their own.
    FieldOrder rowOrder_;
    FieldOrder keyOrder_;
    Memory kinds_;
    Memory offsets_;
};

// Reads the value at `token` into row `row` of a column. Returns the token behind it, or 0 with `detail` set (it may
// stay empty) when the column cannot hold the value.
uint32_t readValue(
    Column &column, const Plan &plan, const Tokens &tokens, uint32_t token, size_t row, std::string &detail);

// A bounded, printable picture of a value for messages.
std::string describe(const Tokens &tokens, uint32_t token);

}  // namespace weir
