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

// The footer metadata key of a file's checksums: eight hexadecimal digits of the footer's CRC-32C, then eight for each
// column chunk, page headers included, in the order of row groups and columns. The footer's checksum covers everything
// after the last chunk, with its own digits as zeros. Parquet's page checksums do not cover page headers, and the
// format has no checksum for the footer.
inline constexpr const char* checksum_key = "weir.crc32c";

// The metadata value for chunks written in this order, with zeros for the footer's digits.
std::string checksum_text(const std::vector<Extent>& chunks);

// Fills in the footer's checksum. Removes the checksums of the chunks when the chunks are not where `chunks` says.
arrow::Status seal_footer(std::string& footer, const parquet::FileMetaData& metadata,
                          const std::vector<Extent>& chunks);

// Reads the footer and verifies its checksum, if it has one. Stores the checksums of the chunks in `chunks`.
arrow::Result<std::shared_ptr<parquet::FileMetaData>> read_footer(const std::shared_ptr<SourceFile>& file,
                                                                  std::unordered_map<int64_t, Extent>& chunks);

}  // namespace weir
