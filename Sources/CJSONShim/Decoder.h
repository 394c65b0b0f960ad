// Decodes a batch of records and routes each change to the table bound to its source.
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

// A range of text with at least 64 readable bytes after it.
struct Slice {
    const uint8_t *base;
    size_t count;
};

class Decoder {
  public:
    explicit Decoder(weir_json_options options)
        : options_(options),
          placeholder_(std::make_unique<Placeholder>(std::string_view(
              reinterpret_cast<const char *>(options.unavailable), options.unavailable_count))) {}

    int32_t addTable(
        const weir_json_column *columns, size_t count, const weir_json_target *targets, size_t targetCount);
    int32_t bind(int32_t table, const weir_json_unit *units, const bool *isTold);
    // Sets a known unit. Values that look like another unit contradict it.
    void setUnit(int32_t source, size_t column, weir_json_unit unit);
    void forgetSources();
    void begin();
    weir_json_status run(const weir_json_batch &batch, size_t &next);
    weir_json_status runRows(int32_t table, const weir_json_batch &batch, const uint8_t *kinds, size_t &next);

    struct Rejection {
        size_t record;
        int32_t source;
        int32_t target;
        std::string reason;
    };
    std::vector<std::unique_ptr<Table>> tables;
    std::vector<Rejection> rejections;
    // Source and column of each column whose unit is in question.
    std::vector<std::pair<int32_t, size_t>> questions;
    weir_json_question question(size_t index) const;
    // On the heap because tables and sources keep its address.
    std::unique_ptr<Notices> ownNotices = std::make_unique<Notices>();
    Notices &notices = *ownNotices;
    uint64_t tombstones = 0, ignored = 0, withoutRows = 0;

    // Names of the source at which the last run stopped; `has` marks those that are present.
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
    // `members` is the token of the event's first member.
    Outcome decodeChange(
        const weir_json_batch &batch, const weir_json_record &record, const Envelope &event, uint32_t members,
        SchemaBlock *block);
    bool decodeRows(
        const weir_json_batch &batch, const weir_json_record &record, const Envelope &event, SchemaBlock *block,
        Binding &binding, char op);
    // Records the doubtful values of an accepted record as evidence.
    void noteDoubts(Binding &binding, const Table &table);
    bool decodeKey(const weir_json_batch &batch, const weir_json_record &record, Table &table, Binding &binding);
    // The number of the record's source.
    bool findSource(const Source &source, std::string_view topic, int32_t &number);

    Slice slice(const weir_json_batch &batch, int32_t start, int32_t count);
    // Skips a schema registry header when that is enabled and one is present. Returns false with `reason_` set on
    // failure.
    bool unframe(Slice &text);
    // Indexes a text and skips a known schema block in front of it. `token` becomes the key of the first member after
    // the block. Returns false with `reason_` set on failure.
    bool open(Slice text, SchemaBlocks &blocks, SchemaBlock *&block, uint32_t &token);
    // Finds the cached schema block whose value is at `token`, or parses and caches it.
    bool findBlock(Slice text, SchemaBlocks &blocks, uint32_t token, SchemaBlock *&block);
    const std::vector<Plan> &plansFor(const Table &table, int32_t number, SchemaBlock *block);

    weir_json_options options_;
    std::unique_ptr<Placeholder> placeholder_;
    Tokens tokens_;
    std::string reason_;
    // The source of the current record; -1 while unknown.
    int32_t source_ = -1;
    // By source number; null for sources that are ignored.
    std::vector<std::unique_ptr<Binding>> bindings_;
    // The binding of `run_rows`, where a record's value is a row.
    std::unique_ptr<Binding> rowBinding_;
    SchemaBlocks valueBlocks_, keyBlocks_;
    // Keyed by topic, database, schema and table, with escapes unresolved.
    std::unordered_map<std::string, int32_t> numberOfSource_;
    // Source and column of each column of which the batch says something.
    std::vector<std::pair<int32_t, size_t>> noted_;
    // The source of the last record, as the key of `numberOfSource_`, and its number.
    std::string lastSource_;
    int32_t lastNumber_ = -1;
    bool hasLast_ = false;
    std::string scratch_;
    std::unique_ptr<uint8_t[]> padded_;
    size_t paddedCapacity_ = 0;
};

}  // namespace weir
