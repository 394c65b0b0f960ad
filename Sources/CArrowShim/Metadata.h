#pragma once

#include <parquet/metadata.h>

#include <memory>
#include <string>

#include "CArrowShim.h"

struct weir_parquet_metadata {
  std::shared_ptr<parquet::FileMetaData> file;
  // What the last answered chunk points into.
  std::string minimum;
  std::string maximum;
};
