// Builds the row of a delete that has no old row from the record's key.
#include "Decoder.h"

namespace weir {

bool Decoder::decodeKey(
    const weir_json_batch &batch, const weir_json_record &record, Table &table, Binding &binding) {
    if (record.key_count < 0) {
        reason_ = "a delete without 'before' needs the record's key, and the record has none";
        return false;
    }
    Slice text = slice(batch, record.key_start, record.key_count);
    SchemaBlock *block;
    uint32_t token;
    if (!unframe(text) || !open(text, keyBlocks_, block, token)) {
        reason_ = "the key: " + reason_;
        return false;
    }
    // A key is a row or, after a schema block, a payload. A table may have columns named `schema` and `payload`, so
    // only both members together are taken for a schema block.
    Envelope members;
    uint32_t end = members.readMembers(tokens_, token, true, reason_);
    if (end != tokens_.count()) {
        reason_ = "the key: " + (end == 0 ? reason_ : std::string("not JSON: more text behind the object"));
        return false;
    }
    uint32_t row = 0;
    if (members.payload && tokens_[members.payload] == '{' && (block || members.schema)) {
        row = members.payload;
        if (members.schema && tokens_[members.schema] == '{' && !findBlock(text, keyBlocks_, members.schema, block)) {
            return false;
        }
    } else if (block) {
        reason_ = "the key: expected a payload behind the schema block";
        return false;
    }
    size_t tableRow = table.rows;
    return table.readRow(tokens_, row, binding, plansFor(table, binding.table, block), "key", reason_) &&
           table.hasRequired(tableRow, false, "key", reason_);
}

}  // namespace weir
