#include <arrow/result.h>
#include <arrow/util/compression.h>

#include <memory>

#include "CArrowShim.h"
#include "Failure.h"

using arrow::Status;

namespace {

arrow::Result<std::unique_ptr<arrow::util::Codec>> codec_of(int32_t codec) {
  switch (codec) {
    case WEIR_CODEC_SNAPPY: return arrow::util::Codec::Create(arrow::Compression::SNAPPY);
    case WEIR_CODEC_LZ4: return arrow::util::Codec::Create(arrow::Compression::LZ4);
    default: return arrow::util::Codec::Create(arrow::Compression::LZ4_FRAME);
  }
}

}  // namespace

struct weir_lz4_frames {
  std::shared_ptr<arrow::util::Decompressor> decoder;
};

int32_t weir_decompress_block(int32_t codec, const uint8_t* input, int64_t input_size, uint8_t* output,
                              int64_t output_size, weir_arrow_error* error) {
  return weir::guarded(error, false, WEIR_ARROW_CORRUPT, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto decoder, codec_of(codec));
    ARROW_ASSIGN_OR_RAISE(int64_t written, decoder->Decompress(input_size, input, output_size, output));
    if (written != output_size) return Status::IOError("the block holds fewer bytes than it says");
    return Status::OK();
  });
}

int32_t weir_compress_block(int32_t codec, const uint8_t* input, int64_t input_size, uint8_t* output,
                            int64_t output_size, int64_t* written, weir_arrow_error* error) {
  return weir::guarded(error, false, WEIR_ARROW_INVALID, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto encoder, codec_of(codec));
    ARROW_ASSIGN_OR_RAISE(*written, encoder->Compress(input_size, input, output_size, output));
    return Status::OK();
  });
}

int64_t weir_compressed_bound(int32_t codec, int64_t input_size) {
  auto encoder = codec_of(codec);
  return encoder.ok() ? (*encoder)->MaxCompressedLen(input_size, nullptr) : 0;
}

weir_lz4_frames* weir_lz4_frames_create(void) {
  try {
    auto codec = codec_of(WEIR_CODEC_LZ4_FRAME);
    if (!codec.ok()) return nullptr;
    auto decoder = (*codec)->MakeDecompressor();
    return decoder.ok() ? new weir_lz4_frames{*decoder} : nullptr;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void weir_lz4_frames_free(weir_lz4_frames* frames) { delete frames; }

int32_t weir_lz4_frames_read(weir_lz4_frames* frames, const uint8_t* input, int64_t input_size, uint8_t* output,
                             int64_t output_size, int64_t* taken, int64_t* written, bool* is_whole,
                             weir_arrow_error* error) {
  return weir::guarded(error, false, WEIR_ARROW_CORRUPT, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto result, frames->decoder->Decompress(input_size, input, output_size, output));
    *taken = result.bytes_read;
    *written = result.bytes_written;
    *is_whole = frames->decoder->IsFinished();
    return *is_whole ? frames->decoder->Reset() : Status::OK();
  });
}
