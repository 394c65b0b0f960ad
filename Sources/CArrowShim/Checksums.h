#pragma once

#include <arrow/status.h>
#include <parquet/metadata.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ByteStreams.h"

namespace weir {

// The checksums of a file, as the key-value metadata of its footer: eight hexadecimal digits of the footer's CRC-32C,
// then eight of each column chunk's, page headers included, in the order of row groups and columns. The footer's covers
// everything behind the last chunk, its own digits counted as zeros. Page checksums cover no page header, and nothing of
// the format covers the footer.
inline constexpr const char* checksum_key = "weir.crc32c";

// The entry for chunks that were written in this order, with zeros in place of the footer's digits.
std::string checksum_text(const std::vector<Extent>& chunks);

// Fills the footer's digits in. Chunks that lie elsewhere than `chunks` says lose theirs.
arrow::Status seal_footer(std::string& footer, const parquet::FileMetaData& metadata,
                          const std::vector<Extent>& chunks);

// Reads the footer and holds it against its checksum, if it has one; the checksums of the chunks go into `chunks`.
arrow::Result<std::shared_ptr<parquet::FileMetaData>> read_footer(const std::shared_ptr<SourceFile>& file,
                                                                  std::unordered_map<int64_t, Extent>& chunks);

}  // namespace weir
