#include "Checksums.h"

#include <arrow/buffer.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/file_reader.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

namespace weir {

namespace {

constexpr size_t digit_count = 8;
constexpr char zeros[digit_count + 1] = "00000000";
// The length of the metadata and the closing magic.
constexpr int64_t trailer_bytes = 8;
// The size of the first read, which usually contains the whole footer.
constexpr int64_t first_read_bytes = 64 << 10;

void append_digits(std::string& text, uint32_t value) {
  for (int shift = 28; shift >= 0; shift -= 4) text.push_back("0123456789abcdef"[value >> shift & 15]);
}

bool parse_digits(std::string_view text, uint32_t& value) {
  auto [end, failure] = std::from_chars(text.data(), text.data() + digit_count, value, 16);
  return failure == std::errc() && end == text.data() + digit_count;
}

// Returns where the checksums begin in a footer: after their key, a field header and their length. The only text after
// them is the writer's name.
size_t find_digits(std::string_view footer, std::string_view text) {
  const std::string_view key(checksum_key);
  for (size_t at = footer.rfind(key); at != std::string_view::npos; at = footer.rfind(key, at - 1)) {
    size_t next = at + key.size() + 1;
    while (next < footer.size() && footer[next] & 0x80) next++;
    next++;
    if (next <= footer.size() && footer.substr(next, text.size()) == text) return next;
    if (at == 0) break;
  }
  return std::string_view::npos;
}

uint32_t footer_checksum(std::string_view footer, size_t digits) {
  uint32_t crc = weir_crc32c(0, footer.data(), digits);
  crc = weir_crc32c(crc, zeros, digit_count);
  return weir_crc32c(crc, footer.data() + digits + digit_count, footer.size() - digits - digit_count);
}

std::vector<Extent> chunks_of(const parquet::FileMetaData& metadata) {
  std::vector<Extent> chunks;
  for (int group = 0; group < metadata.num_row_groups(); group++) {
    auto row_group = metadata.RowGroup(group);
    for (int column = 0; column < row_group->num_columns(); column++) {
      auto chunk = row_group->ColumnChunk(column);
      int64_t start = chunk->data_page_offset();
      if (chunk->has_dictionary_page() && chunk->dictionary_page_offset() > 0) {
        start = std::min(start, chunk->dictionary_page_offset());
      }
      chunks.push_back({start, chunk->total_compressed_size(), 0});
    }
  }
  return chunks;
}

}  // namespace

std::string checksum_text(const std::vector<Extent>& chunks) {
  std::string text(zeros);
  for (const auto& chunk : chunks) append_digits(text, chunk.crc32c);
  return text;
}

arrow::Status seal_footer(std::string& footer, const parquet::FileMetaData& metadata,
                          const std::vector<Extent>& chunks) {
  const std::string text = checksum_text(chunks);
  const size_t digits = find_digits(footer, text);
  if (digits == std::string_view::npos) return arrow::Status::Invalid("the footer does not hold its checksum");
  const auto written = chunks_of(metadata);
  auto is_same = [](const Extent& a, const Extent& b) { return a.offset == b.offset && a.length == b.length; };
  if (!std::equal(written.begin(), written.end(), chunks.begin(), chunks.end(), is_same)) {
    std::fill(footer.begin() + digits + digit_count, footer.begin() + digits + text.size(), '-');
  }
  std::string own;
  append_digits(own, footer_checksum(footer, digits));
  footer.replace(digits, digit_count, own);
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<parquet::FileMetaData>> read_footer(const std::shared_ptr<SourceFile>& file,
                                                                  std::unordered_map<int64_t, Extent>& chunks) {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, file->GetSize());
  const int64_t first = std::max<int64_t>(0, size - first_read_bytes);
  ARROW_ASSIGN_OR_RAISE(auto tail, file->ReadAt(first, size - first));
  std::string_view bytes(reinterpret_cast<const char*>(tail->data()), tail->size());
  // Arrow reports the errors of files that are not Parquet and recognises encrypted files.
  if (bytes.size() < trailer_bytes + 4 || bytes.substr(bytes.size() - 4) != "PAR1") return parquet::ReadMetaData(file);
  uint32_t length = 0;
  std::memcpy(&length, bytes.data() + bytes.size() - trailer_bytes, sizeof(length));
  const int64_t footer_bytes = static_cast<int64_t>(length) + trailer_bytes;
  if (length == 0 || footer_bytes > size - 4) return parquet::ReadMetaData(file);
  if (footer_bytes > static_cast<int64_t>(bytes.size())) {
    ARROW_ASSIGN_OR_RAISE(tail, file->ReadAt(size - footer_bytes, footer_bytes));
    bytes = std::string_view(reinterpret_cast<const char*>(tail->data()), tail->size());
    if (static_cast<int64_t>(bytes.size()) < footer_bytes) return arrow::Status::IOError("the file ends early");
  }
  const auto footer = bytes.substr(bytes.size() - footer_bytes);
  auto metadata = parquet::FileMetaData::Make(footer.data(), static_cast<int64_t>(length));

  const auto& entries = metadata->key_value_metadata();
  const int index = entries ? entries->FindKey(checksum_key) : -1;
  if (index < 0) return metadata;
  const std::string text = entries->value(index);
  uint32_t expected = 0;
  const size_t digits = find_digits(footer, text);
  if (text.size() < digit_count || !parse_digits(text, expected) || digits == std::string_view::npos ||
      footer_checksum(footer, digits) != expected) {
    return arrow::Status::IOError("the footer does not match its checksum");
  }
  auto extents = chunks_of(*metadata);
  if (text.size() != digit_count * (extents.size() + 1)) return metadata;
  const std::string_view rest = std::string_view(text).substr(digit_count);
  for (size_t i = 0; i < extents.size(); i++) {
    if (!parse_digits(rest.substr(i * digit_count), extents[i].crc32c)) continue;
    chunks[extents[i].offset] = extents[i];
  }
  return metadata;
}

}  // namespace weir
