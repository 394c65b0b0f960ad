// The C face of the decoder. Exceptions stop here.
#include "CJSONShim.h"

#include "Decoder.h"

struct weir_json_decoder {
    weir::Decoder decoder;
};

extern "C" {

weir_json_decoder *weir_json_decoder_create(weir_json_options options) {
    try {
        return new weir_json_decoder{weir::Decoder(options)};
    } catch (...) {
        return nullptr;
    }
}

void weir_json_decoder_destroy(weir_json_decoder *decoder) { delete decoder; }

int32_t weir_json_decoder_add_table(weir_json_decoder *decoder, const weir_json_column *columns, size_t count) {
    try {
        return decoder->decoder.addTable(columns, count);
    } catch (...) {
        return -1;
    }
}

bool weir_json_decoder_bind(weir_json_decoder *decoder, int32_t table) {
    try {
        decoder->decoder.bind(table);
        return true;
    } catch (...) {
        return false;
    }
}

weir_json_source weir_json_decoder_unknown_source(const weir_json_decoder *decoder) {
    const auto &unknown = decoder->decoder.unknown;
    auto name = [](const std::string &text, bool isThere) {
        return weir_json_name{isThere ? text.data() : nullptr, isThere ? text.size() : 0};
    };
    return {
        name(unknown.database, unknown.hasDatabase),
        name(unknown.schema, unknown.hasSchema),
        name(unknown.table, unknown.hasTable),
    };
}

void weir_json_decoder_begin(weir_json_decoder *decoder) { decoder->decoder.begin(); }

weir_json_status weir_json_decoder_run(weir_json_decoder *decoder, const weir_json_batch *batch, size_t *next) {
    try {
        return decoder->decoder.run(*batch, *next);
    } catch (const weir::TooLarge &) {
        return WEIR_JSON_TOO_LARGE;
    } catch (...) {
        return WEIR_JSON_OUT_OF_MEMORY;
    }
}

weir_json_status weir_json_decoder_run_rows(
    weir_json_decoder *decoder, int32_t table, const weir_json_batch *batch, const uint8_t *kinds, size_t *next) {
    try {
        return decoder->decoder.runRows(table, *batch, kinds, *next);
    } catch (const weir::TooLarge &) {
        return WEIR_JSON_TOO_LARGE;
    } catch (...) {
        return WEIR_JSON_OUT_OF_MEMORY;
    }
}

weir_json_counts weir_json_decoder_counts(const weir_json_decoder *decoder) {
    return {decoder->decoder.tombstones, decoder->decoder.ignored, decoder->decoder.rejections.size()};
}

weir_json_rejection weir_json_decoder_rejection(const weir_json_decoder *decoder, size_t index) {
    const auto &rejection = decoder->decoder.rejections[index];
    return {rejection.record, rejection.reason.data(), rejection.reason.size()};
}

size_t weir_json_decoder_rows(const weir_json_decoder *decoder, int32_t table) {
    return decoder->decoder.tables[size_t(table)]->rows;
}

weir_json_vector weir_json_decoder_take_column(weir_json_decoder *decoder, int32_t table, size_t column) {
    return decoder->decoder.tables[size_t(table)]->takeColumn(column);
}

weir_json_memory weir_json_decoder_take_kinds(weir_json_decoder *decoder, int32_t table) {
    return decoder->decoder.tables[size_t(table)]->takeKinds();
}

weir_json_memory weir_json_decoder_take_offsets(weir_json_decoder *decoder, int32_t table) {
    return decoder->decoder.tables[size_t(table)]->takeOffsets();
}

void weir_json_free(uint8_t *base) { free(base); }

}  // extern "C"
