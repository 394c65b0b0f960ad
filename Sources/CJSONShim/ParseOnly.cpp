// Parses the records with simdjson alone, as the baseline of the decoder's benchmark.
#include "simdjson/simdjson.h"

#include <memory>

#include "CJSONShim.h"

namespace {

// simdjson needs its own padding after a text. In an arena only the last record may lack it.
template <typename Body>
bool forEachValue(const weir_json_batch &batch, Body body) {
    std::unique_ptr<char[]> copy;
    for (size_t i = 0; i < batch.record_count; i++) {
        const weir_json_record &record = batch.records[i];
        if (record.value_count < 0) continue;
        size_t count = size_t(record.value_count);
        const char *text = reinterpret_cast<const char *>(batch.arena) + record.value_start;
        if (size_t(record.value_start) + count + simdjson::SIMDJSON_PADDING > batch.arena_count) {
            copy.reset(new char[count + simdjson::SIMDJSON_PADDING]());
            memcpy(copy.get(), text, count);
            text = copy.get();
        }
        if (!body(simdjson::padded_string_view(text, count, count + simdjson::SIMDJSON_PADDING))) return false;
    }
    return true;
}

bool walk(simdjson::ondemand::value value, uint64_t &sum) {
    using simdjson::ondemand::json_type;
    json_type type;
    if (value.type().get(type)) return false;
    switch (type) {
    case json_type::object: {
        simdjson::ondemand::object object;
        if (value.get_object().get(object)) return false;
        for (auto member : object) {
            simdjson::ondemand::raw_json_string key;
            simdjson::ondemand::value inner;
            if (member.key().get(key) || member.value().get(inner) || !walk(inner, sum)) return false;
            sum += uint8_t(key.raw()[0]);
        }
        return true;
    }
    case json_type::array: {
        simdjson::ondemand::array array;
        if (value.get_array().get(array)) return false;
        for (auto element : array) {
            simdjson::ondemand::value inner;
            if (element.get(inner) || !walk(inner, sum)) return false;
        }
        return true;
    }
    case json_type::string: {
        std::string_view text;
        if (value.get_string().get(text)) return false;
        sum += text.size();
        return true;
    }
    case json_type::number: {
        simdjson::ondemand::number number;
        if (value.get_number().get(number)) return false;
        sum += uint64_t(number.is_int64());
        return true;
    }
    case json_type::boolean: {
        bool flag;
        if (value.get_bool().get(flag)) return false;
        sum += flag;
        return true;
    }
    case json_type::null: sum++; return true;
    }
    return false;
}

}  // namespace

extern "C" uint64_t weir_json_parse_dom(const weir_json_batch *batch) {
    try {
        simdjson::dom::parser parser;
        uint64_t sum = 1;
        bool isDone = forEachValue(*batch, [&](simdjson::padded_string_view text) {
            simdjson::dom::element element;
            if (parser.parse(text.data(), text.size(), false).get(element)) return false;
            sum += element.is_object();
            return true;
        });
        return isDone ? sum : 0;
    } catch (...) {
        return 0;
    }
}

extern "C" uint64_t weir_json_parse_ondemand(const weir_json_batch *batch) {
    try {
        simdjson::ondemand::parser parser;
        uint64_t sum = 1;
        bool isDone = forEachValue(*batch, [&](simdjson::padded_string_view text) {
            simdjson::ondemand::document document;
            simdjson::ondemand::value value;
            return !parser.iterate(text).get(document) && !document.get_value().get(value) && walk(value, sum);
        });
        return isDone ? sum : 0;
    } catch (...) {
        return 0;
    }
}
