// Decodes records whose value is a row and whose kind is given separately, as in a log store.
#include "Decoder.h"

namespace weir {

weir_json_status Decoder::runRows(int32_t number, const weir_json_batch &batch, const uint8_t *kinds, size_t &next) {
    Table &table = *tables[size_t(number)];
    if (!rowBinding_ || rowBinding_->table != number) {
        rowBinding_ = std::make_unique<Binding>(table.columns, -1, number, nullptr);
    }
    auto reject = [&](std::string reason) {
        rejections.assign(1, {next, -1, -1, std::move(reason)});
        return WEIR_JSON_BAD_ROW;
    };
    for (; next < batch.record_count; next++) {
        const weir_json_record &record = batch.records[next];
        if (record.value_start < 0 || record.value_count < 0 ||
            size_t(record.value_start) + size_t(record.value_count) > batch.arena_count) {
            return WEIR_JSON_BAD_SLICE;
        }
        Slice text = slice(batch, record.value_start, record.value_count);
        if (text.count == 0) return reject("the row is empty");
        if (const char *error = tokens_.index(text.base, text.count)) {
            return reject(std::string("the row is not JSON: ") + error);
        }
        if (tokens_[0] != '{') return reject("expected a JSON object, found " + describe(tokens_, 0));
        table.beginRecord();
        size_t row = table.rows;
        if (!table.readRow(tokens_, 0, *rowBinding_, table.plans, "row", reason_)) return reject(reason_);
        // `readRow` ends at the row's closing bracket, so any text after it must be detected here.
        if (tokens_.leap(0) != tokens_.count()) return reject("the row is not JSON: more text behind the object");
        table.setChange(row, Kind(kinds[next]), record.offset);
    }
    return WEIR_JSON_DONE;
}

}  // namespace weir
