#pragma once

#include <arrow/status.h>
#include <parquet/exception.h>

#include <cstdio>
#include <exception>
#include <new>

#include "CArrowShim.h"

namespace weir {

inline int32_t fail(weir_arrow_error* error, int32_t code, const char* message) {
  error->code = code;
  std::snprintf(error->message, sizeof(error->message), "%s", message);
  return code;
}

// Runs the body and turns every exception into a code. `fallback` is the code of exceptions without a more specific
// one: damaged bytes when reading, an unsuitable value when writing.
template <typename Body>
int32_t guarded(weir_arrow_error* error, const bool& callback_failed, int32_t fallback, Body&& body) noexcept {
  auto code_of = [&](const arrow::Status& status) {
    if (callback_failed) return static_cast<int32_t>(WEIR_ARROW_CALLBACK);
    if (status.IsNotImplemented()) return static_cast<int32_t>(WEIR_ARROW_UNSUPPORTED);
    if (status.IsOutOfMemory()) return static_cast<int32_t>(WEIR_ARROW_MEMORY);
    return fallback;
  };
  try {
    arrow::Status status = body();
    if (status.ok()) return WEIR_ARROW_OK;
    return fail(error, code_of(status), status.message().c_str());
  } catch (const parquet::ParquetStatusException& failure) {
    return fail(error, code_of(failure.status()), failure.status().message().c_str());
  } catch (const std::bad_alloc&) {
    return fail(error, WEIR_ARROW_MEMORY, "out of memory");
  } catch (const std::exception& failure) {
    return fail(error, callback_failed ? WEIR_ARROW_CALLBACK : fallback, failure.what());
  } catch (...) {
    return fail(error, callback_failed ? WEIR_ARROW_CALLBACK : fallback, "an unknown exception");
  }
}

}  // namespace weir
