#include <arrow/array.h>
#include <arrow/c/bridge.h>
#include <arrow/extension_type.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/column_writer.h>
#include <parquet/file_writer.h>
#include <parquet/properties.h>
#include <parquet/schema.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <vector>

#include "ByteStreams.h"
#include "CArrowShim.h"
#include "Checksums.h"
#include "Failure.h"
#include "Memory.h"
#include "Metadata.h"

using arrow::Status;

struct weir_parquet_writer {
  std::shared_ptr<weir::SinkStream> sink;
  std::shared_ptr<arrow::Schema> schema;
  std::shared_ptr<arrow::DataType> row_type;
  std::shared_ptr<parquet::ArrowWriterProperties> arrow_properties;
  std::unique_ptr<parquet::ArrowWriteContext> context;
  std::unique_ptr<parquet::ParquetFileWriter> file;
  parquet::RowGroupWriter* row_group = nullptr;
  int64_t rows_in_group = 0;
  int64_t row_group_rows = 0;
  int64_t row_group_bytes = 0;
  std::vector<int16_t> levels;
  weir_parquet_metadata metadata;
};

namespace {

// n bytes hold decimals of up to floor(log10(2^(8n-1) - 1)) digits.
int32_t decimal_width(int32_t precision) {
  static constexpr int32_t digits[] = {0, 2, 4, 6, 9, 11, 14, 16, 18, 21, 23, 26, 28, 31, 33, 35, 38};
  for (int32_t width = 1; width <= 16; width++) {
    if (precision <= digits[width]) return width;
  }
  return 16;
}

int32_t field_id(const arrow::Field& field) {
  if (!field.metadata()) return -1;
  auto text = field.metadata()->Get("PARQUET:field_id");
  if (!text.ok()) return -1;
  int32_t id = -1;
  std::from_chars(text->data(), text->data() + text->size(), id);
  return id;
}

// The physical and logical types of Iceberg's specification, appendix A. They are explicit because Arrow's own mapping
// depends on settings and differs in some fields (uuid, time).
arrow::Result<parquet::schema::NodePtr> node_of(const arrow::Field& field) {
  using parquet::LogicalType;
  using parquet::Type;
  std::shared_ptr<const LogicalType> logical = LogicalType::None();
  Type::type physical = Type::BYTE_ARRAY;
  int32_t length = -1;
  switch (field.type()->id()) {
    case arrow::Type::BOOL: physical = Type::BOOLEAN; break;
    case arrow::Type::INT32: physical = Type::INT32; break;
    case arrow::Type::INT64: physical = Type::INT64; break;
    case arrow::Type::FLOAT: physical = Type::FLOAT; break;
    case arrow::Type::DOUBLE: physical = Type::DOUBLE; break;
    case arrow::Type::STRING: logical = LogicalType::String(); break;
    case arrow::Type::BINARY: break;
    case arrow::Type::DATE32:
      physical = Type::INT32;
      logical = LogicalType::Date();
      break;
    case arrow::Type::TIME64:
      physical = Type::INT64;
      logical = LogicalType::Time(/*is_adjusted_to_utc=*/false, LogicalType::TimeUnit::MICROS);
      break;
    case arrow::Type::TIMESTAMP: {
      const bool has_zone = !static_cast<const arrow::TimestampType&>(*field.type()).timezone().empty();
      physical = Type::INT64;
      logical = LogicalType::Timestamp(has_zone, LogicalType::TimeUnit::MICROS);
      break;
    }
    case arrow::Type::DECIMAL128: {
      const auto& type = static_cast<const arrow::Decimal128Type&>(*field.type());
      logical = LogicalType::Decimal(type.precision(), type.scale());
      if (type.precision() <= 9) {
        physical = Type::INT32;
      } else if (type.precision() <= 18) {
        physical = Type::INT64;
      } else {
        physical = Type::FIXED_LEN_BYTE_ARRAY;
        length = decimal_width(type.precision());
      }
      break;
    }
    case arrow::Type::FIXED_SIZE_BINARY:
      physical = Type::FIXED_LEN_BYTE_ARRAY;
      length = static_cast<const arrow::FixedSizeBinaryType&>(*field.type()).byte_width();
      break;
    case arrow::Type::EXTENSION:
      if (static_cast<const arrow::ExtensionType&>(*field.type()).extension_name() == "arrow.uuid") {
        physical = Type::FIXED_LEN_BYTE_ARRAY;
        length = 16;
        logical = LogicalType::UUID();
        break;
      }
      [[fallthrough]];
    default: return Status::NotImplemented("column ", field.name(), " has type ", field.type()->ToString());
  }
  auto repetition = field.nullable() ? parquet::Repetition::OPTIONAL : parquet::Repetition::REQUIRED;
  return parquet::schema::PrimitiveNode::Make(field.name(), repetition, logical, physical, length, field_id(field));
}

// The array without its extension type, as column writers expect it.
std::shared_ptr<arrow::Array> storage_of(const std::shared_ptr<arrow::Array>& array) {
  if (array->type_id() != arrow::Type::EXTENSION) return array;
  return static_cast<const arrow::ExtensionArray&>(*array).storage();
}

// 1 for a value, 0 for a null.
const int16_t* definition_levels(weir_parquet_writer* writer, const arrow::Array& array) {
  auto& levels = writer->levels;
  levels.assign(array.length(), 1);
  if (array.null_count() == 0) return levels.data();
  const uint8_t* bits = array.null_bitmap_data();
  const int64_t offset = array.offset();
  for (int64_t row = 0; row < array.length(); row++) {
    levels[row] = static_cast<int16_t>((bits[(offset + row) >> 3] >> ((offset + row) & 7)) & 1);
  }
  return levels.data();
}

int64_t buffered_bytes(const weir_parquet_writer* writer) {
  if (!writer->row_group) return 0;
  // Pages in the row group's memory, pages waiting for their dictionary, and values not yet in a page.
  auto buffered = writer->row_group->estimated_buffered_stats();
  return writer->row_group->total_compressed_bytes_written() + writer->row_group->total_compressed_bytes() +
         buffered.def_level_bytes + buffered.rep_level_bytes + buffered.value_bytes + buffered.dict_bytes;
}

void close_row_group(weir_parquet_writer* writer) {
  if (!writer->row_group) return;
  writer->row_group->Close();
  writer->row_group = nullptr;
  writer->rows_in_group = 0;
}

Status write_columns(weir_parquet_writer* writer, const arrow::StructArray& rows) {
  for (int column = 0; column < rows.num_fields(); column++) {
    auto array = storage_of(rows.field(column));
    const bool nullable = writer->schema->field(column)->nullable();
    const int16_t* levels = nullable ? definition_levels(writer, *array) : nullptr;
    ARROW_RETURN_NOT_OK(writer->row_group->column(column)->WriteArrow(levels, nullptr, array->length(), *array,
                                                                      writer->context.get(), nullable));
  }
  return Status::OK();
}

Status write_rows(weir_parquet_writer* writer, const arrow::StructArray& rows) {
  int64_t done = 0;
  while (done < rows.length()) {
    if (!writer->row_group) writer->row_group = writer->file->AppendBufferedRowGroup();
    const int64_t count = std::min(rows.length() - done, writer->row_group_rows - writer->rows_in_group);
    auto part = std::static_pointer_cast<arrow::StructArray>(rows.Slice(done, count));
    ARROW_RETURN_NOT_OK(write_columns(writer, *part));
    done += count;
    writer->rows_in_group += count;
    if (writer->rows_in_group >= writer->row_group_rows || buffered_bytes(writer) >= writer->row_group_bytes) {
      close_row_group(writer);
    }
  }
  return Status::OK();
}

}  // namespace

int32_t weir_parquet_writer_open(const weir_byte_sink* sink, struct ArrowSchema* schema,
                                 const weir_parquet_settings* settings, weir_parquet_writer** out,
                                 weir_arrow_error* error) {
  auto stream = std::make_shared<weir::SinkStream>(*sink);
  return weir::guarded(error, stream->failed, WEIR_ARROW_INVALID, [&]() -> Status {
    auto writer = std::make_unique<weir_parquet_writer>();
    ARROW_ASSIGN_OR_RAISE(writer->schema, arrow::ImportSchema(schema));
    writer->row_type = arrow::struct_(writer->schema->fields());
    parquet::schema::NodeVector nodes;
    for (const auto& field : writer->schema->fields()) {
      ARROW_ASSIGN_OR_RAISE(auto node, node_of(*field));
      nodes.push_back(std::move(node));
    }
    auto root = std::static_pointer_cast<parquet::schema::GroupNode>(
        parquet::schema::GroupNode::Make("table", parquet::Repetition::REQUIRED, nodes));

    parquet::WriterProperties::Builder builder;
    builder.version(parquet::ParquetVersion::PARQUET_2_6)
        ->memory_pool(weir::pool())
        ->compression(parquet::Compression::ZSTD)
        ->compression_level(settings->compression_level)
        ->data_pagesize(settings->page_bytes)
        ->dictionary_pagesize_limit(settings->dictionary_bytes)
        ->max_row_group_length(settings->row_group_rows)
        ->created_by(settings->created_by)
        ->enable_page_checksum()
        // Row groups are small enough to be skipped whole, so a page index would cost more than it saves.
        ->disable_write_page_index()
        ->set_size_statistics_level(parquet::SizeStatisticsLevel::None);
    if (!settings->dictionary) builder.disable_dictionary();
    for (const auto& field : writer->schema->fields()) {
      const int32_t* end = settings->plain_fields + settings->plain_field_count;
      if (std::find(settings->plain_fields, end, field_id(*field)) != end) builder.disable_dictionary(field->name());
    }

    writer->arrow_properties = parquet::ArrowWriterProperties::Builder().set_use_threads(false)->build();
    writer->context = std::make_unique<parquet::ArrowWriteContext>(weir::pool(),
                                                                   writer->arrow_properties.get());
    writer->row_group_rows = settings->row_group_rows;
    writer->row_group_bytes = settings->row_group_bytes;
    writer->sink = stream;
    writer->file = parquet::ParquetFileWriter::Open(stream, root, builder.build());
    *out = writer.release();
    return Status::OK();
  });
}

int32_t weir_parquet_writer_write(weir_parquet_writer* writer, struct ArrowArray* batch, weir_arrow_error* error) {
  return weir::guarded(error, writer->sink->failed, WEIR_ARROW_INVALID, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto array, arrow::ImportArray(batch, writer->row_type));
    return write_rows(writer, static_cast<const arrow::StructArray&>(*array));
  });
}

int32_t weir_parquet_writer_end_row_group(weir_parquet_writer* writer, weir_arrow_error* error) {
  return weir::guarded(error, writer->sink->failed, WEIR_ARROW_INVALID, [&]() -> Status {
    close_row_group(writer);
    return Status::OK();
  });
}

int64_t weir_parquet_writer_size(const weir_parquet_writer* writer) {
  try {
    return writer->sink->position() + buffered_bytes(writer);
  } catch (...) {
    return writer->sink->position();
  }
}

int32_t weir_parquet_writer_finish(weir_parquet_writer* writer, weir_parquet_metadata** metadata,
                                   weir_arrow_error* error) {
  return weir::guarded(error, writer->sink->failed, WEIR_ARROW_INVALID, [&]() -> Status {
    close_row_group(writer);
    auto& sink = *writer->sink;
    const auto chunks = sink.extents;
    writer->file->AddKeyValueMetadata(
        arrow::KeyValueMetadata::Make({weir::checksum_key}, {weir::checksum_text(chunks)}));
    sink.holds_back = true;
    writer->file->Close();
    sink.holds_back = false;
    writer->metadata.file = writer->file->metadata();
    std::string footer = std::move(sink.held);
    sink.held.clear();
    ARROW_RETURN_NOT_OK(weir::seal_footer(footer, *writer->metadata.file, chunks));
    ARROW_RETURN_NOT_OK(sink.Write(footer.data(), static_cast<int64_t>(footer.size())));
    *metadata = &writer->metadata;
    return Status::OK();
  });
}

void weir_parquet_writer_free(weir_parquet_writer* writer) {
  if (!writer) return;
  // The destructor of an abandoned file would write the footer; a failed sink refuses it.
  writer->sink->failed = true;
  try {
    delete writer;
  } catch (...) {
  }
}

int64_t weir_arrow_allocated_bytes(void) { return weir::pool()->bytes_allocated(); }
int64_t weir_arrow_peak_bytes(void) { return weir::pool()->max_memory(); }
