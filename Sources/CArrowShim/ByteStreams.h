#pragma once

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "CArrowShim.h"
#include "Memory.h"

// Defined in CLinux, whose header is a module that C++ targets cannot import.
extern "C" uint32_t weir_crc32c(uint32_t crc, const void* bytes, size_t count);

namespace weir {

// A byte range of a file and its CRC-32C.
struct Extent {
  int64_t offset;
  int64_t length;
  uint32_t crc32c;
};

// Passes all bytes to the caller's sink and records the extent of each write. A column chunk is one write.
class SinkStream final : public arrow::io::OutputStream {
 public:
  explicit SinkStream(const weir_byte_sink& sink) : sink_(sink) {}

  using arrow::io::Writable::Write;

  arrow::Status Write(const void* bytes, int64_t count) override {
    if (count <= 0) return arrow::Status::OK();
    if (holds_back) {
      held.append(static_cast<const char*>(bytes), count);
      return arrow::Status::OK();
    }
    // The magic at the start of the file belongs to no chunk.
    if (position_ > 0) extents.push_back({position_, count, weir_crc32c(0, bytes, count)});
    if (failed || sink_.write(sink_.context, bytes, count) != 0) {
      failed = true;
      return arrow::Status::IOError("the sink refused bytes");
    }
    position_ += count;
    return arrow::Status::OK();
  }

  arrow::Result<int64_t> Tell() const override { return position_ + static_cast<int64_t>(held.size()); }
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }

  int64_t position() const { return position_; }
  bool failed = false;
  // Whether to keep bytes in `held` until the caller passes them on.
  bool holds_back = false;
  std::string held;
  std::vector<Extent> extents;

 private:
  weir_byte_sink sink_;
  int64_t position_ = 0;
  bool closed_ = false;
};

// Reads through the caller's source. Lengths from a damaged file are limited to the file's end before memory is
// allocated.
class SourceFile final : public arrow::io::RandomAccessFile {
 public:
  explicit SourceFile(const weir_byte_source& source) : source_(source) {}

  arrow::Result<int64_t> ReadAt(int64_t position, int64_t count, void* out) override {
    const int64_t length = available(position, count);
    if (length == 0) return 0;
    const int64_t got = source_.read(source_.context, position, out, length);
    if (got < 0) {
      failed = true;
      return arrow::Status::IOError("the source failed");
    }
    auto chunk = chunks.find(position);
    if (chunk != chunks.end() && chunk->second.length == got && weir_crc32c(0, out, got) != chunk->second.crc32c) {
      return arrow::Status::IOError("the column chunk at byte ", position, " does not match its checksum");
    }
    return got;
  }

  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t count) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(available(position, count), pool()));
    ARROW_ASSIGN_OR_RAISE(int64_t got, ReadAt(position, buffer->size(), buffer->mutable_data()));
    if (got < buffer->size()) ARROW_RETURN_NOT_OK(buffer->Resize(got));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }

  arrow::Result<int64_t> Read(int64_t count, void* out) override {
    ARROW_ASSIGN_OR_RAISE(int64_t got, ReadAt(position_, count, out));
    position_ += got;
    return got;
  }

  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t count) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, count));
    position_ += buffer->size();
    return buffer;
  }

  arrow::Status Seek(int64_t position) override {
    if (position < 0) return arrow::Status::Invalid("a negative position");
    position_ = position;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Result<int64_t> GetSize() override { return source_.size; }
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }

  bool failed = false;
  // Column chunks with known checksums, by offset. A read of a whole chunk is verified against its checksum.
  std::unordered_map<int64_t, Extent> chunks;

 private:
  int64_t available(int64_t position, int64_t count) const {
    if (position < 0 || count <= 0 || position >= source_.size) return 0;
    return std::min(count, source_.size - position);
  }

  weir_byte_source source_;
  int64_t position_ = 0;
  bool closed_ = false;
};

}  // namespace weir
