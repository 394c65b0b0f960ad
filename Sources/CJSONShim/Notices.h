// Collects notices about sources while rows are read. Each is reported once.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "CJSONShim.h"

namespace weir {

struct Notice {
    weir_json_notice_kind kind;
    int32_t source;
    size_t column;
    size_t record;
    std::string name;
};

class Notices {
  public:
    // The record that is being read.
    size_t record = 0;
    std::vector<Notice> list;

    void add(Notice notice) {
        notice.record = record;
        list.push_back(std::move(notice));
    }
};

}  // namespace weir
