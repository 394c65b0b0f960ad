#pragma once

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include <algorithm>
#include <memory>

#include "CArrowShim.h"
#include "Memory.h"

namespace weir {

// Hands every byte to the caller's sink.
class SinkStream final : public arrow::io::OutputStream {
 public:
  explicit SinkStream(const weir_byte_sink& sink) : sink_(sink) {}

  using arrow::io::Writable::Write;

  arrow::Status Write(const void* bytes, int64_t count) override {
    if (count <= 0) return arrow::Status::OK();
    if (failed || sink_.write(sink_.context, bytes, count) != 0) {
      failed = true;
      return arrow::Status::IOError("the sink refused bytes");
    }
    position_ += count;
    return arrow::Status::OK();
  }

  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }

  int64_t position() const { return position_; }
  bool failed = false;

 private:
  weir_byte_sink sink_;
  int64_t position_ = 0;
  bool closed_ = false;
};

// Reads through the caller's source. Lengths that a damaged file claims are cut at the file's end before any memory is
// taken for them.
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
