#pragma once

// Reads and writes Parquet files with Arrow C++ behind a C interface. Batches are Arrow C Data Interface structs, bytes
// pass through callbacks, and failures are a code with a message. No exception and no C++ type crosses this header. A
// writer or reader must not be used by several threads at a time.

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The Arrow C Data Interface as its specification declares it. Arrow's own header declares the same structs with the
// same include guard.
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};

#endif

enum {
  WEIR_ARROW_OK = 0,
  // The caller's own callback failed. The caller knows the reason.
  WEIR_ARROW_CALLBACK = 1,
  WEIR_ARROW_CORRUPT = 2,
  WEIR_ARROW_UNSUPPORTED = 3,
  WEIR_ARROW_INVALID = 4,
  WEIR_ARROW_MEMORY = 5,
};

typedef struct weir_arrow_error {
  int32_t code;
  char message[1000];
} weir_arrow_error;

typedef struct weir_byte_sink {
  void* context;
  // Returns 0 when all bytes were written.
  int32_t (*write)(void* context, const void* bytes, int64_t count);
} weir_byte_sink;

typedef struct weir_byte_source {
  void* context;
  int64_t size;
  // Returns the bytes read, which are fewer only at the end of the file, or a negative number on failure. The range
  // never passes `size`.
  int64_t (*read)(void* context, int64_t offset, void* out, int64_t count);
} weir_byte_source;

// One column chunk of a row group. The bounds are PLAIN-encoded and valid until the next call on the same metadata.
typedef struct weir_parquet_chunk {
  int64_t compressed_size;
  int64_t value_count;
  // -1 when unknown.
  int64_t null_count;
  const uint8_t* minimum;
  const uint8_t* maximum;
  // -1 when unknown.
  int64_t minimum_length;
  int64_t maximum_length;
} weir_parquet_chunk;

// A file's footer.
typedef struct weir_parquet_metadata weir_parquet_metadata;

int32_t weir_parquet_row_group_count(const weir_parquet_metadata* metadata);
int64_t weir_parquet_row_group_rows(const weir_parquet_metadata* metadata, int32_t row_group);
// The file offset of a row group, or -1.
int64_t weir_parquet_row_group_offset(const weir_parquet_metadata* metadata, int32_t row_group);
int32_t weir_parquet_chunk_of(weir_parquet_metadata* metadata, int32_t row_group, int32_t leaf,
                              weir_parquet_chunk* chunk, weir_arrow_error* error);

typedef struct weir_parquet_settings {
  int32_t compression_level;
  bool dictionary;
  int64_t row_group_rows;
  // Encoded bytes in memory at which a row group ends early.
  int64_t row_group_bytes;
  int64_t page_bytes;
  int64_t dictionary_bytes;
  // Field ids of columns written without a dictionary.
  const int32_t* plain_fields;
  int32_t plain_field_count;
  const char* created_by;
} weir_parquet_settings;

typedef struct weir_parquet_writer weir_parquet_writer;

// Takes ownership of the schema. The metadata key PARQUET:field_id gives the field ids.
int32_t weir_parquet_writer_open(const weir_byte_sink* sink, struct ArrowSchema* schema,
                                 const weir_parquet_settings* settings, weir_parquet_writer** writer,
                                 weir_arrow_error* error);
// Takes ownership of the array, a struct array with one child per column.
int32_t weir_parquet_writer_write(weir_parquet_writer* writer, struct ArrowArray* batch, weir_arrow_error* error);
// Ends the current row group. The next rows begin another.
int32_t weir_parquet_writer_end_row_group(weir_parquet_writer* writer, weir_arrow_error* error);
// Bytes written plus an estimate of the bytes still in memory.
int64_t weir_parquet_writer_size(const weir_parquet_writer* writer);
// Writes the footer. The metadata is valid as long as the writer.
int32_t weir_parquet_writer_finish(weir_parquet_writer* writer, weir_parquet_metadata** metadata,
                                   weir_arrow_error* error);
void weir_parquet_writer_free(weir_parquet_writer* writer);

// One top-level column of a file.
typedef struct weir_parquet_leaf {
  // Index among the leaf columns, -1 when the column is nested.
  int32_t index;
  // parquet::Type: BOOLEAN 0, INT32 1, INT64 2, INT96 3, FLOAT 4, DOUBLE 5, BYTE_ARRAY 6, FIXED_LEN_BYTE_ARRAY 7.
  int32_t physical_type;
  bool is_uuid;
} weir_parquet_leaf;

typedef struct weir_parquet_reader weir_parquet_reader;

int32_t weir_parquet_reader_open(const weir_byte_source* source, bool verify_checksums, weir_parquet_reader** reader,
                                 weir_arrow_error* error);
// The file's columns as a struct type. The caller releases it.
int32_t weir_parquet_reader_schema(weir_parquet_reader* reader, struct ArrowSchema* schema, weir_arrow_error* error);
int32_t weir_parquet_reader_leaf(const weir_parquet_reader* reader, int32_t column, weir_parquet_leaf* leaf);
weir_parquet_metadata* weir_parquet_reader_metadata(weir_parquet_reader* reader);
// Starts reading the chosen leaf columns of one row group.
int32_t weir_parquet_reader_start(weir_parquet_reader* reader, int32_t row_group, const int32_t* leaves,
                                  int32_t leaf_count, int64_t batch_rows, weir_arrow_error* error);
// Reads the next rows as a struct array, which the caller releases. `release` is null after the last rows.
int32_t weir_parquet_reader_next(weir_parquet_reader* reader, struct ArrowArray* batch, weir_arrow_error* error);
void weir_parquet_reader_free(weir_parquet_reader* reader);

enum {
  WEIR_CODEC_SNAPPY = 1,
  // A single LZ4 block without a frame.
  WEIR_CODEC_LZ4 = 2,
  // A whole LZ4 frame, read with `weir_lz4_frames` because it may not give its content size.
  WEIR_CODEC_LZ4_FRAME = 3,
};

// Decompresses one block into a buffer of exactly its original size. Fails when the block has more or fewer bytes.
int32_t weir_decompress_block(int32_t codec, const uint8_t* input, int64_t input_size, uint8_t* output,
                              int64_t output_size, weir_arrow_error* error);
// Compresses one block and sets `*written` to its size. The output must hold `weir_compressed_bound` bytes.
int32_t weir_compress_block(int32_t codec, const uint8_t* input, int64_t input_size, uint8_t* output,
                            int64_t output_size, int64_t* written, weir_arrow_error* error);
int64_t weir_compressed_bound(int32_t codec, int64_t input_size);

// An incremental reader of consecutive LZ4 frames.
typedef struct weir_lz4_frames weir_lz4_frames;
// Returns null when out of memory.
weir_lz4_frames* weir_lz4_frames_create(void);
void weir_lz4_frames_free(weir_lz4_frames* frames);
// Consumes `*taken` bytes of the input and writes `*written` bytes to the output. Sets `*is_whole` when a frame ends
// exactly after the consumed bytes; further input begins the next frame.
int32_t weir_lz4_frames_read(weir_lz4_frames* frames, const uint8_t* input, int64_t input_size, uint8_t* output,
                             int64_t output_size, int64_t* taken, int64_t* written, bool* is_whole,
                             weir_arrow_error* error);

// Bytes that Arrow has allocated now, and the maximum so far.
int64_t weir_arrow_allocated_bytes(void);
int64_t weir_arrow_peak_bytes(void);

#ifdef __cplusplus
}
#endif
