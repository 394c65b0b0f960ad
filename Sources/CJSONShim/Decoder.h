// Walks a batch of records and sends each change to the table its source names.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ConnectSchema.h"
#include "Envelope.h"
#include "Table.h"
#include "Tokens.h"

namespace weir {

// A number of bytes of text with at least 64 readable bytes behind it.
struct Slice {
    const uint8_t *base;
    size_t count;
};

class Decoder {
  public:
    explicit Decoder(weir_json_options options) : options_(options) {}

    int32_t addTable(const weir_json_column *columns, size_t count);
    void bind(int32_t table);
    void begin();
    weir_json_status run(const weir_json_batch &batch, size_t &next);
    weir_json_status runRows(int32_t table, const weir_json_batch &batch, const uint8_t *kinds, size_t &next);

    struct Rejection {
        size_t record;
        std::string reason;
    };
    std::vector<std::unique_ptr<Table>> tables;
    std::vector<Rejection> rejections;
    uint64_t tombstones = 0, ignored = 0;

    // The names of the source that the last run stopped at; `has` tells which are there.
    struct UnknownSource {
        std::string database, schema, table;
        bool hasDatabase, hasSchema, hasTable;
    } unknown;

  private:
    enum class Outcome : uint8_t { done, rejected, unknownSource };
    // Schema blocks of record values and of record keys are kept apart.
    struct SchemaBlocks {
        std::vector<std::unique_ptr<SchemaBlock>> list;
        SchemaBlock *last = nullptr;
    };

    Outcome decode(const weir_json_batch &batch, const weir_json_record &record);
    Outcome decodeChange(
        const weir_json_batch &batch, const weir_json_record &record, const Envelope &event, SchemaBlock *block);
    bool decodeRows(
        const weir_json_batch &batch, const weir_json_record &record, const Envelope &event, SchemaBlock *block,
        int32_t number, char op);
    bool decodeKey(const weir_json_batch &batch, const weir_json_record &record, Table &table, int32_t number);
    bool findTable(const Source &source, std::string_view topic, int32_t &table);

    Slice slice(const weir_json_batch &batch, int32_t start, int32_t count);
    // Indexes a text, leaving a schema block in front of it out when it is a known one. `token` is where the first
    // member's key is then. False with the reason set.
    bool open(Slice text, SchemaBlocks &blocks, SchemaBlock *&block, uint32_t &token);
    // The block whose value is at `token` of the text, read now or before.
    bool findBlock(Slice text, SchemaBlocks &blocks, uint32_t token, SchemaBlock *&block);
    const std::vector<Plan> &plansFor(const Table &table, int32_t number, SchemaBlock *block);

    weir_json_options options_;
    Tokens tokens_;
    std::string reason_;
    SchemaBlocks valueBlocks_, keyBlocks_;
    // By topic, database, schema and table as the text has them.
    std::unordered_map<std::string, int32_t> tableOfSource_;
    // The source of the last record, as the key of `tableOfSource_`, and its table.
    std::string lastSource_;
    int32_t lastTable_ = -1;
    bool hasLast_ = false;
    std::string scratch_;
    std::unique_ptr<uint8_t[]> padded_;
    size_t paddedCapacity_ = 0;
};

}  // namespace weir
