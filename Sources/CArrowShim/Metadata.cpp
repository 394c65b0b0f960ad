#include "Metadata.h"

#include <parquet/statistics.h>

#include <algorithm>

#include "Failure.h"

int32_t weir_parquet_row_group_count(const weir_parquet_metadata* metadata) {
  return metadata->file->num_row_groups();
}

int64_t weir_parquet_row_group_rows(const weir_parquet_metadata* metadata, int32_t row_group) {
  try {
    return metadata->file->RowGroup(row_group)->num_rows();
  } catch (...) {
    return -1;
  }
}

int64_t weir_parquet_row_group_offset(const weir_parquet_metadata* metadata, int32_t row_group) {
  try {
    auto group = metadata->file->RowGroup(row_group);
    if (group->num_columns() == 0) return -1;
    auto chunk = group->ColumnChunk(0);
    const int64_t data = chunk->data_page_offset();
    // A writer without a dictionary page may leave 0 as its offset.
    return chunk->has_dictionary_page() && chunk->dictionary_page_offset() > 0
               ? std::min(data, chunk->dictionary_page_offset())
               : data;
  } catch (...) {
    return -1;
  }
}

int32_t weir_parquet_chunk_of(weir_parquet_metadata* metadata, int32_t row_group, int32_t leaf,
                              weir_parquet_chunk* chunk, weir_arrow_error* error) {
  return weir::guarded(error, false, WEIR_ARROW_CORRUPT, [&] {
    auto column = metadata->file->RowGroup(row_group)->ColumnChunk(leaf);
    *chunk = {column->total_compressed_size(), column->num_values(), -1, nullptr, nullptr, -1, -1};
    // Null when absent, or when the writer is known to compute wrong statistics.
    auto statistics = column->statistics();
    if (!statistics) return arrow::Status::OK();
    if (statistics->HasNullCount()) chunk->null_count = statistics->null_count();
    if (!statistics->HasMinMax()) return arrow::Status::OK();
    metadata->minimum = statistics->EncodeMin();
    metadata->maximum = statistics->EncodeMax();
    chunk->minimum = reinterpret_cast<const uint8_t*>(metadata->minimum.data());
    chunk->maximum = reinterpret_cast<const uint8_t*>(metadata->maximum.data());
    chunk->minimum_length = static_cast<int64_t>(metadata->minimum.size());
    chunk->maximum_length = static_cast<int64_t>(metadata->maximum.size());
    return arrow::Status::OK();
  });
}
