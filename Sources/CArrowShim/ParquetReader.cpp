#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>
#include <parquet/schema.h>

#include <memory>
#include <vector>

#include "ByteStreams.h"
#include "CArrowShim.h"
#include "Checksums.h"
#include "Failure.h"
#include "Memory.h"
#include "Metadata.h"

using arrow::Status;

struct weir_parquet_reader {
  std::shared_ptr<weir::SourceFile> source;
  std::unique_ptr<parquet::arrow::FileReader> file;
  std::unique_ptr<arrow::RecordBatchReader> batches;
  std::vector<weir_parquet_leaf> columns;
  weir_parquet_metadata metadata;
};

namespace {

// Column chunks above this size are streamed, which bounds memory for large row groups of other writers. Smaller chunks
// are fetched in one read.
constexpr int64_t streamed_chunk_bytes = 4 << 20;
constexpr int64_t stream_buffer_bytes = 256 << 10;

bool has_large_chunk(const parquet::FileMetaData& metadata) {
  for (int group = 0; group < metadata.num_row_groups(); group++) {
    auto row_group = metadata.RowGroup(group);
    for (int column = 0; column < row_group->num_columns(); column++) {
      if (row_group->ColumnChunk(column)->total_compressed_size() > streamed_chunk_bytes) return true;
    }
  }
  return false;
}

int32_t count_leaves(const parquet::schema::Node& node) {
  if (node.is_primitive()) return 1;
  const auto& group = static_cast<const parquet::schema::GroupNode&>(node);
  int32_t count = 0;
  for (int index = 0; index < group.field_count(); index++) count += count_leaves(*group.field(index));
  return count;
}

std::vector<weir_parquet_leaf> columns_of(const parquet::SchemaDescriptor& schema) {
  std::vector<weir_parquet_leaf> columns;
  int32_t leaf = 0;
  const auto* root = schema.group_node();
  for (int index = 0; index < root->field_count(); index++) {
    const auto& node = *root->field(index);
    if (node.is_primitive() && !node.is_repeated()) {
      const auto& primitive = static_cast<const parquet::schema::PrimitiveNode&>(node);
      const auto& logical = primitive.logical_type();
      columns.push_back({leaf, primitive.physical_type(), logical && logical->is_UUID()});
    } else {
      columns.push_back({-1, -1, false});
    }
    leaf += count_leaves(node);
  }
  return columns;
}

}  // namespace

int32_t weir_parquet_reader_open(const weir_byte_source* source, bool verify_checksums, weir_parquet_reader** out,
                                 weir_arrow_error* error) {
  auto input = std::make_shared<weir::SourceFile>(*source);
  return weir::guarded(error, input->failed, WEIR_ARROW_CORRUPT, [&]() -> Status {
    auto reader = std::make_unique<weir_parquet_reader>();
    reader->source = input;
    parquet::ReaderProperties properties(weir::pool());
    properties.set_page_checksum_verification(verify_checksums);
    ARROW_ASSIGN_OR_RAISE(auto metadata, weir::read_footer(input, input->chunks));
    if (has_large_chunk(*metadata)) {
      properties.enable_buffered_stream();
      properties.set_buffer_size(stream_buffer_bytes);
    }
    auto file = parquet::ParquetFileReader::Open(input, properties, metadata);

    parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
    arrow_properties.set_pre_buffer(false);
    // Columns hold microseconds; nanoseconds would overflow outside 1677 to 2262.
    arrow_properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
    reader->columns = columns_of(*metadata->schema());
    reader->metadata.file = metadata;
    ARROW_ASSIGN_OR_RAISE(reader->file, parquet::arrow::FileReader::Make(weir::pool(), std::move(file),
                                                                         arrow_properties));
    *out = reader.release();
    return Status::OK();
  });
}

int32_t weir_parquet_reader_schema(weir_parquet_reader* reader, struct ArrowSchema* schema, weir_arrow_error* error) {
  return weir::guarded(error, reader->source->failed, WEIR_ARROW_CORRUPT, [&]() -> Status {
    std::shared_ptr<arrow::Schema> columns;
    ARROW_RETURN_NOT_OK(reader->file->GetSchema(&columns));
    return arrow::ExportSchema(*columns, schema);
  });
}

int32_t weir_parquet_reader_leaf(const weir_parquet_reader* reader, int32_t column, weir_parquet_leaf* leaf) {
  if (column < 0 || static_cast<size_t>(column) >= reader->columns.size()) return WEIR_ARROW_INVALID;
  *leaf = reader->columns[column];
  return WEIR_ARROW_OK;
}

weir_parquet_metadata* weir_parquet_reader_metadata(weir_parquet_reader* reader) { return &reader->metadata; }

int32_t weir_parquet_reader_start(weir_parquet_reader* reader, int32_t row_group, const int32_t* leaves,
                                  int32_t leaf_count, int64_t batch_rows, weir_arrow_error* error) {
  return weir::guarded(error, reader->source->failed, WEIR_ARROW_CORRUPT, [&]() -> Status {
    reader->batches.reset();
    reader->file->set_batch_size(batch_rows);
    ARROW_ASSIGN_OR_RAISE(reader->batches, reader->file->GetRecordBatchReader(
                                               {row_group}, std::vector<int>(leaves, leaves + leaf_count)));
    return Status::OK();
  });
}

int32_t weir_parquet_reader_next(weir_parquet_reader* reader, struct ArrowArray* batch, weir_arrow_error* error) {
  batch->release = nullptr;
  return weir::guarded(error, reader->source->failed, WEIR_ARROW_CORRUPT, [&]() -> Status {
    if (!reader->batches) return Status::OK();
    std::shared_ptr<arrow::RecordBatch> rows;
    ARROW_RETURN_NOT_OK(reader->batches->ReadNext(&rows));
    if (!rows) {
      reader->batches.reset();
      return Status::OK();
    }
    ARROW_RETURN_NOT_OK(rows->Validate());
    return arrow::ExportRecordBatch(*rows, batch);
  });
}

void weir_parquet_reader_free(weir_parquet_reader* reader) {
  try {
    delete reader;
  } catch (...) {
  }
}
