#include "Columns.h"

namespace weir {

static int32_t widthOf(weir_json_type type, int32_t length) {
    switch (type) {
    case WEIR_JSON_INT:
    case WEIR_JSON_DATE:
    case WEIR_JSON_FLOAT: return 4;
    case WEIR_JSON_LONG:
    case WEIR_JSON_DOUBLE:
    case WEIR_JSON_TIME:
    case WEIR_JSON_TIMESTAMP:
    case WEIR_JSON_TIMESTAMPTZ: return 8;
    case WEIR_JSON_DECIMAL:
    case WEIR_JSON_UUID: return 16;
    case WEIR_JSON_FIXED: return length;
    default: return 0;
    }
}

Column::Column(const weir_json_column &column)
    : name(reinterpret_cast<const char *>(column.name), column.name_count), type(column.type),
      precision(column.precision), scale(column.scale), width(widthOf(column.type, column.length)),
      isVariable(column.type == WEIR_JSON_STRING || column.type == WEIR_JSON_BINARY), isExact(column.is_exact) {}

std::string Column::typeName() const {
    switch (type) {
    case WEIR_JSON_BOOLEAN: return "boolean";
    case WEIR_JSON_INT: return "int";
    case WEIR_JSON_LONG: return "long";
    case WEIR_JSON_FLOAT: return "float";
    case WEIR_JSON_DOUBLE: return "double";
    case WEIR_JSON_DECIMAL: return "decimal(" + std::to_string(precision) + "," + std::to_string(scale) + ")";
    case WEIR_JSON_DATE: return "date";
    case WEIR_JSON_TIME: return "time";
    case WEIR_JSON_TIMESTAMP: return "timestamp";
    case WEIR_JSON_TIMESTAMPTZ: return "timestamptz";
    case WEIR_JSON_STRING: return "string";
    case WEIR_JSON_UUID: return "uuid";
    case WEIR_JSON_FIXED: return "fixed[" + std::to_string(width) + "]";
    case WEIR_JSON_BINARY: return "binary";
    }
    return "unknown";
}

void Column::growText(size_t count) {
    if (byteCount + count > INT32_MAX) throw TooLarge();
    bytes.reserve(byteCount + count + 64, byteCount, false);
}

void Column::reserveRows(size_t capacity, size_t rows) {
    size_t bits = (rows + 7) / 8;
    validity.reserve((capacity + 7) / 8, validity.base() ? bits : 0, true);
    if (isVariable) {
        bool isNew = !values.base();
        values.reserve((capacity + 1) * 4, isNew ? 0 : (rows + 1) * 4, false);
        if (isNew) memset(values.base(), 0, 4);
    } else if (width) {
        values.reserve(capacity * size_t(width), values.base() ? rows * size_t(width) : 0, false);
    } else {
        values.reserve((capacity + 7) / 8, values.base() ? bits : 0, true);
    }
}

void Column::cut(size_t row, size_t last) {
    for (size_t i = row; i <= last; i++) {
        uint8_t kept = uint8_t(~(1 << (i & 7)));
        validity.base()[i >> 3] &= kept;
        if (type == WEIR_JSON_BOOLEAN) values.base()[i >> 3] &= kept;
    }
    if (isVariable) byteCount = size_t(textStart(row));
}

bool Column::isEqual(size_t left, size_t right) const {
    if (isValid(left) != isValid(right)) return false;
    if (isVariable) {
        size_t count = size_t(textStart(left + 1) - textStart(left));
        return count == size_t(textStart(right + 1) - textStart(right)) &&
               (count == 0 || memcmp(bytes.base() + textStart(left), bytes.base() + textStart(right), count) == 0);
    }
    if (width) {
        return memcmp(values.base() + left * size_t(width), values.base() + right * size_t(width), size_t(width)) == 0;
    }
    const uint8_t *bits = values.base();
    return ((bits[left >> 3] >> (left & 7)) & 1) == ((bits[right >> 3] >> (right & 7)) & 1);
}

weir_json_vector Column::take(size_t rows) {
    size_t valid = 0;
    for (size_t i = 0; i < rows / 8; i++) valid += size_t(__builtin_popcount(validity.base()[i]));
    for (size_t row = rows & ~size_t(7); row < rows; row++) valid += isValid(row);
    size_t bits = (rows + 7) / 8;
    weir_json_vector vector{};
    if (isVariable) {
        bytes.reserve(1, byteCount, false);
        vector.bytes = bytes.take(byteCount);
        vector.values = values.take((rows + 1) * 4);
        byteCount = 0;
    } else {
        vector.values = values.take(width ? rows * size_t(width) : bits);
    }
    if (valid < rows) {
        vector.validity = validity.take(bits);
    } else {
        free(validity.take(0).base);
    }
    return vector;
}

}  // namespace weir
