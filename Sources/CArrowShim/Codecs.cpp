#include <arrow/result.h>
#include <arrow/util/compression.h>

#include <memory>

#include "CArrowShim.h"
#include "Failure.h"

using arrow::Status;

namespace {

arrow::Result<std::unique_ptr<arrow::util::Codec>> codec_of(int32_t codec) {
  return arrow::util::Codec::Create(codec == WEIR_CODEC_SNAPPY ? arrow::Compression::SNAPPY
                                                               : arrow::Compression::LZ4);
}

}  // namespace

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
