// The schema block in front of a payload: what each column's text means.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "CJSONShim.h"
#include "Times.h"
#include "Tokens.h"

namespace weir {

// `column` is the unit of this source's column, configured or derived.
enum class Unit : uint8_t { days, millis, micros, nanos, column, refused };
enum class DecimalText : uint8_t { numberOrBase64, number, base64 };

struct Column;
struct Plan;
struct Reading;

// Reads the value at `token` into the column. Returns the token after the value. When the column cannot hold the value,
// returns 0 with the reading's detail set.
using Reader = uint32_t (*)(Column &column, const Plan &plan, uint32_t token, Reading &reading);

// How one column of a table reads its values under one schema block.
struct Plan {
    Reader read;
    // The unit of integers, for dates and times.
    Unit unit;
    // Whether text ends in a zone, for dates and times.
    Zone zone;
    DecimalText decimalText;
    int32_t decimalScale;
    // Whether values are written as Debezium does: base64 for a uuid is not.
    bool isDebezium;
    // Whether the schema block calls the value a decimal, in bytes of scale `decimalScale` or with a scale of its own.
    bool isDecimal;
};

struct SchemaField {
    std::string name;
    std::string type;      // Connect's: int32, bytes, string …
    std::string semantic;  // the schema's name: io.debezium.time.Date …
    int64_t scale = INT64_MIN;
};

// A cached schema block. Equal blocks are recognised by their bytes and parsed once instead of once per record.
struct SchemaBlock {
    // The bytes of the record up to the end of the block, when the block is the first member.
    std::string prefix;
    std::string body;
    // The columns of the row: those of `after` (or `before`) in an envelope, of the whole struct in a key.
    std::vector<SchemaField> fields;
    // By table number.
    std::unordered_map<int32_t, std::vector<Plan>> plans;
};

// Reads the block whose first token is `token`; false when it is not a Connect schema.
bool readSchemaFields(const TokenList &tokens, uint32_t token, std::vector<SchemaField> &fields);

// The field of that name, or else the only field whose name differs in case alone; null when there is none.
const SchemaField *findField(const std::vector<SchemaField> &fields, const std::string &name);

// The reader for columns of a type; `isDecimal` is that of the plan.
Reader readerFor(weir_json_type type, bool isDecimal);

// How a column reads values; `field` is null where there is no schema block or it does not name the column.
Plan planFor(weir_json_type type, int32_t scale, const SchemaField *field, const weir_json_options &options);

}  // namespace weir
