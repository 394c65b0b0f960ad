// Appendable columns in Arrow's layout. Rows of a rejected record can be removed again.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "CJSONShim.h"

namespace weir {

// A growing aligned buffer whose memory can be handed to the caller.
class Memory {
  public:
    Memory() = default;
    Memory(Memory &&other) noexcept : base_(other.base_), capacity_(other.capacity_) {
        other.base_ = nullptr;
        other.capacity_ = 0;
    }
    Memory &operator=(Memory &&) = delete;
    ~Memory() { free(base_); }

    uint8_t *base() const { return base_; }
    size_t capacity() const { return capacity_; }

    // Makes room for `needed` bytes and keeps the first `kept`. Zeroes new bytes when `zeroed` is set.
    void reserve(size_t needed, size_t kept, bool zeroed) {
        if (needed <= capacity_) return;
        size_t capacity = capacity_ * 2 > needed ? capacity_ * 2 : needed;
        capacity = (capacity + 63) & ~size_t(63);
        auto *larger = static_cast<uint8_t *>(aligned_alloc(64, capacity));
        if (!larger) throw std::bad_alloc();
        if (kept) memcpy(larger, base_, kept);
        if (zeroed) memset(larger + kept, 0, capacity - kept);
        free(base_);
        base_ = larger;
        capacity_ = capacity;
    }

    weir_json_memory take(size_t count) {
        weir_json_memory memory{base_, count};
        base_ = nullptr;
        capacity_ = 0;
        return memory;
    }

  private:
    uint8_t *base_ = nullptr;
    size_t capacity_ = 0;
};

// Thrown when the text of a column would pass the range of 32-bit offsets.
struct TooLarge {};

struct Column {
    std::string name;
    weir_json_type type;
    int32_t precision;
    int32_t scale;
    int32_t width;  // bytes a row; 0 for booleans and variable width
    bool isVariable;
    // The next column of the same name but another type; -1 for none.
    int32_t twin = -1;
    // Whether only a member of exactly this name is the column, because a table has another column that differs in case
    // alone.
    bool isExact;
    // Whether the column belongs to the key of some target.
    bool isKey = false;
    // The row of the last value, to detect a second value in the same row.
    uint64_t lastRow = 0;
    // The last row in which members that differ in case alone are not the column, because its exact name is there, and
    // the last one in which none is because several could be.
    uint64_t exactRow = 0, ambiguousRow = 0;
    Memory values;
    Memory bytes;
    Memory validity;
    size_t byteCount = 0;

    explicit Column(const weir_json_column &column);

    void setValid(size_t row) { validity.base()[row >> 3] |= uint8_t(1 << (row & 7)); }
    bool isValid(size_t row) const { return validity.base()[row >> 3] >> (row & 7) & 1; }

    template <typename T>
    void set(size_t row, T value) {
        memcpy(values.base() + row * sizeof(T), &value, sizeof(T));
        setValid(row);
    }
    void setNull(size_t row) {
        if (width) memset(values.base() + row * size_t(width), 0, size_t(width));
        if (isVariable) endText(row);
    }

    // Makes room for `count` bytes of text after the existing text.
    uint8_t *reserveText(size_t count) {
        if (byteCount + count + 64 > bytes.capacity() || byteCount + count > INT32_MAX) [[unlikely]] growText(count);
        return bytes.base() + byteCount;
    }
    void endText(size_t row) {
        int32_t end = int32_t(byteCount);
        memcpy(values.base() + (row + 1) * 4, &end, 4);
    }
    int32_t textStart(size_t row) const {
        int32_t start;
        memcpy(&start, values.base() + row * 4, 4);
        return start;
    }

    void growText(size_t count);
    void reserveRows(size_t capacity, size_t rows);
    // The type as a topology file writes it.
    std::string typeName() const;
    // Removes the values of rows from `row` on, up to the row being written at `last`.
    void cut(size_t row, size_t last);
    bool isEqual(size_t left, size_t right) const;
    weir_json_vector take(size_t rows);
};

}  // namespace weir
