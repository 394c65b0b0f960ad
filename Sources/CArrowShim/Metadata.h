#pragma once

#include <parquet/metadata.h>

#include <memory>
#include <string>

#include "CArrowShim.h"

struct weir_parquet_metadata {
  std::shared_ptr<parquet::FileMetaData> file;
  // Backing memory for the bounds of the last returned chunk.
  std::string minimum;
  std::string maximum;
};
