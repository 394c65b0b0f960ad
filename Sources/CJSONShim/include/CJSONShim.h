// Decodes Debezium JSON records into Arrow columns, many records per call.
//
// A decoder has tables. A table holds the columns that all destinations of a source need, each with one type, so that a
// record is read once. A destination is a target of a table: a subset of its columns, with a key. Source tables are
// bound to tables. A run over a batch of records appends rows. It stops at an unknown source table, so that the caller
// can bind it and continue. No C++ exception or type crosses this header. A decoder must not be used by several threads
// at a time.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Readable bytes required after every text. A record with fewer bytes after it is copied first.
#define WEIR_JSON_PADDING 64

typedef struct weir_json_decoder weir_json_decoder;

typedef enum {
    WEIR_JSON_BOOLEAN,
    WEIR_JSON_INT,
    WEIR_JSON_LONG,
    WEIR_JSON_FLOAT,
    WEIR_JSON_DOUBLE,
    WEIR_JSON_DECIMAL,
    WEIR_JSON_DATE,
    WEIR_JSON_TIME,
    WEIR_JSON_TIMESTAMP,
    WEIR_JSON_TIMESTAMPTZ,
    WEIR_JSON_STRING,
    WEIR_JSON_UUID,
    WEIR_JSON_FIXED,
    WEIR_JSON_BINARY
} weir_json_type;

// The unit of integers in a time or timestamp column when the format does not give it. A derived unit is determined
// from the column's values. No column is read in seconds: values may look like them.
typedef enum {
    WEIR_JSON_MILLIS,
    WEIR_JSON_MICROS,
    WEIR_JSON_NANOS,
    WEIR_JSON_DERIVED,
    WEIR_JSON_SECONDS
} weir_json_unit;

// How a JSON string is read in a decimal column when no schema block says.
typedef enum { WEIR_JSON_NUMBER_OR_BASE64, WEIR_JSON_NUMBER_TEXT, WEIR_JSON_BASE64 } weir_json_decimal_text;

typedef struct {
    weir_json_decimal_text decimal_text;
    // Debezium's placeholder for a value that the source left out because it had not changed; empty for none.
    const uint8_t *unavailable;
    size_t unavailable_count;
    // Values as a log store writes them: no placeholders, uuids in base64, times with or without a zone.
    bool is_log_store;
    // Whether to skip the five-byte header that schema registry serializers put in front of JSON.
    bool skips_registry_header;
} weir_json_options;

typedef struct {
    const uint8_t *name;
    size_t name_count;
    weir_json_type type;
    int32_t precision;  // decimal
    int32_t scale;      // decimal
    int32_t length;     // fixed
    // Whether members that differ from the name in case alone are not the column.
    bool is_exact;
} weir_json_column;

// The columns that one destination takes from a table, as column indexes.
typedef struct {
    const uint32_t *columns;
    size_t column_count;
    const uint32_t *keys;
    size_t key_count;
    const uint32_t *required;
    size_t required_count;
} weir_json_target;

// The position of one record in the arena; a count of -1 means no key or no value.
typedef struct {
    int64_t offset;
    int64_t timestamp;
    int32_t key_start;
    int32_t key_count;
    int32_t value_start;
    int32_t value_count;
} weir_json_record;

typedef struct {
    const uint8_t *arena;
    size_t arena_count;
    const weir_json_record *records;
    size_t record_count;
    const char *topic;
    size_t topic_count;
} weir_json_batch;

typedef enum {
    WEIR_JSON_DONE,
    // Call `weir_json_decoder_unknown_source`, bind the source and run again from `next`.
    WEIR_JSON_UNKNOWN_SOURCE,
    // The record at `next` points outside the arena.
    WEIR_JSON_BAD_SLICE,
    // The text of a column would exceed 2 GiB.
    WEIR_JSON_TOO_LARGE,
    // The value at `next` is not a row of the table; rejection 0 has the reason.
    WEIR_JSON_BAD_ROW,
    WEIR_JSON_OUT_OF_MEMORY
} weir_json_status;

// A name; `text` is null when the envelope does not have it. Valid until the next call on the decoder.
typedef struct {
    const char *text;
    size_t count;
} weir_json_name;

typedef struct {
    weir_json_name database, schema, table;
} weir_json_source;

typedef struct {
    uint64_t tombstones;
    // Records of source tables bound to no table.
    uint64_t ignored;
    // Debezium's own events: heartbeats, transaction marks, schema changes, logical messages, truncates.
    uint64_t without_rows;
    size_t rejected;
    size_t notices;
    // Columns whose unit is in question. If there are any but those of configured units, the rows of the batch are not
    // valid yet.
    size_t questions;
} weir_json_counts;

typedef struct {
    size_t record;   // index in the batch
    int32_t source;  // number of the source, -1 when it is not known
    int32_t target;  // the target that refuses it, -1 when all do
    const char *reason;
    size_t reason_count;
} weir_json_rejection;

typedef enum {
    // The values determine `unit`; `value` is the first that did.
    WEIR_JSON_UNIT_TOLD,
    // The values determine no unit; `value` is the first of them.
    WEIR_JSON_UNIT_UNCLEAR,
    // The values indicate two units: `first_value` looks like `unit`, `value` like `other_unit`.
    WEIR_JSON_UNIT_MIXED,
    // The known unit is `unit`, but `value` looks like `other_unit`.
    WEIR_JSON_UNIT_CONTRADICTED,
    // With the known unit, `unit`, the batch has times in January 1970 and no usual ones; the first of them, `value`,
    // is usual in `other_unit`, which is larger.
    WEIR_JSON_UNIT_EARLY
} weir_json_unit_verdict;

// The verdict of a batch on a column's unit. Of configured units only `WEIR_JSON_UNIT_EARLY` is reported.
typedef struct {
    int32_t source;
    size_t column;
    weir_json_unit_verdict verdict;
    // Whether the unit is configured.
    bool is_told;
    weir_json_unit unit;
    weir_json_unit other_unit;
    int64_t first_value;
    int64_t value;
    // The record of `value`, as an index in the batch.
    size_t record;
} weir_json_question;

typedef enum {
    // The records have a member `name` that is no column.
    WEIR_JSON_EXTRA_MEMBER,
    // The member `name` differs from the column in case and is used for it.
    WEIR_JSON_OTHER_CASE,
    // The member `name` differs from the column in case and is not used in records that have the exact name, too.
    WEIR_JSON_SHADOWED_CASE,
    // The record says that all rows of the source were deleted.
    WEIR_JSON_TRUNCATED
} weir_json_notice_kind;

// A notice about a source, reported once.
typedef struct {
    weir_json_notice_kind kind;
    int32_t source;
    size_t column;
    size_t record;
    const char *name;
    size_t name_count;
} weir_json_notice;

// Memory owned by the caller, who frees it with `weir_json_free`.
typedef struct {
    uint8_t *base;
    size_t count;
} weir_json_memory;

typedef struct {
    weir_json_memory values;
    weir_json_memory bytes;     // string and binary
    weir_json_memory validity;  // base is null when no value is null
} weir_json_vector;

// Returns null when out of memory or when simdjson has no implementation for this processor.
weir_json_decoder *weir_json_decoder_create(weir_json_options options);
void weir_json_decoder_destroy(weir_json_decoder *decoder);

// Adds a table and its targets. Returns its number, or -1 when out of memory. Columns of the same name are filled from
// the same member.
int32_t weir_json_decoder_add_table(
    weir_json_decoder *decoder, const weir_json_column *columns, size_t count, const weir_json_target *targets,
    size_t target_count);

// Binds the source at which the last run stopped to a table, or to none with -1. `units` and `is_told` have one entry
// per column of the table. No single value contradicts a unit with `is_told`. Returns the source's number, counted from 0 in
// the order of these calls, or -1 when out of memory.
int32_t weir_json_decoder_bind(
    weir_json_decoder *decoder, int32_t table, const weir_json_unit *units, const bool *is_told);
// Sets the unit of a source's column from the next run on. Values that look like another unit contradict it.
void weir_json_decoder_set_unit(weir_json_decoder *decoder, int32_t source, size_t column, weir_json_unit unit);
// Forgets all sources; numbers start at 0 again.
void weir_json_decoder_forget_sources(weir_json_decoder *decoder);
weir_json_source weir_json_decoder_unknown_source(const weir_json_decoder *decoder);

// Clears counts, rejections, notices, questions and rows that were not taken.
void weir_json_decoder_begin(weir_json_decoder *decoder);
// Decodes from record `*next` on and sets it to the record at which the run stopped.
weir_json_status weir_json_decoder_run(weir_json_decoder *decoder, const weir_json_batch *batch, size_t *next);

// Appends one row to a table per record. The record's value is the row as a JSON object; `kinds` has the row's kind.
weir_json_status weir_json_decoder_run_rows(
    weir_json_decoder *decoder, int32_t table, const weir_json_batch *batch, const uint8_t *kinds, size_t *next);

weir_json_counts weir_json_decoder_counts(const weir_json_decoder *decoder);
weir_json_rejection weir_json_decoder_rejection(const weir_json_decoder *decoder, size_t index);
weir_json_question weir_json_decoder_question(const weir_json_decoder *decoder, size_t index);
weir_json_notice weir_json_decoder_notice(const weir_json_decoder *decoder, size_t index);
size_t weir_json_decoder_rows(const weir_json_decoder *decoder, int32_t table);
// Each column, the kinds and the offsets can be taken once, before the next `begin`.
weir_json_vector weir_json_decoder_take_column(weir_json_decoder *decoder, int32_t table, size_t column);
// The kind of a row that the target does not take.
#define WEIR_JSON_LEFT_OUT 255
size_t weir_json_decoder_left_out(const weir_json_decoder *decoder, int32_t table, size_t target);
weir_json_memory weir_json_decoder_take_kinds(weir_json_decoder *decoder, int32_t table, size_t target);
weir_json_memory weir_json_decoder_take_offsets(weir_json_decoder *decoder, int32_t table);
void weir_json_free(uint8_t *base);

// For benchmarks: parses every value and discards it. Both return a checksum of the values, 0 on failure.
uint64_t weir_json_parse_dom(const weir_json_batch *batch);
uint64_t weir_json_parse_ondemand(const weir_json_batch *batch);

#ifdef __cplusplus
}
#endif
