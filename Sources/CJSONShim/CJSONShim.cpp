// The C interface of the decoder. No exception leaves these functions.
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

int32_t weir_json_decoder_add_table(
    weir_json_decoder *decoder, const weir_json_column *columns, size_t count, const weir_json_target *targets,
    size_t target_count) {
    try {
        return decoder->decoder.addTable(columns, count, targets, target_count);
    } catch (...) {
        return -1;
    }
}

int32_t weir_json_decoder_bind(
    weir_json_decoder *decoder, int32_t table, const weir_json_unit *units, const bool *is_told) {
    try {
        return decoder->decoder.bind(table, units, is_told);
    } catch (...) {
        return -1;
    }
}

void weir_json_decoder_set_unit(weir_json_decoder *decoder, int32_t source, size_t column, weir_json_unit unit) {
    decoder->decoder.setUnit(source, column, unit);
}

void weir_json_decoder_forget_sources(weir_json_decoder *decoder) { decoder->decoder.forgetSources(); }

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
    const auto &state = decoder->decoder;
    return {state.tombstones,        state.ignored,             state.withoutRows,
            state.rejections.size(), state.notices.list.size(), state.questions.size()};
}

weir_json_rejection weir_json_decoder_rejection(const weir_json_decoder *decoder, size_t index) {
    const auto &rejection = decoder->decoder.rejections[index];
    return {rejection.record, rejection.source, rejection.target, rejection.reason.data(), rejection.reason.size()};
}

weir_json_notice weir_json_decoder_notice(const weir_json_decoder *decoder, size_t index) {
    const auto &notice = decoder->decoder.notices.list[index];
    return {notice.kind, notice.source, notice.column, notice.record, notice.name.data(), notice.name.size()};
}

weir_json_question weir_json_decoder_question(const weir_json_decoder *decoder, size_t index) {
    return decoder->decoder.question(index);
}

size_t weir_json_decoder_rows(const weir_json_decoder *decoder, int32_t table) {
    return decoder->decoder.tables[size_t(table)]->rows;
}

weir_json_vector weir_json_decoder_take_column(weir_json_decoder *decoder, int32_t table, size_t column) {
    return decoder->decoder.tables[size_t(table)]->takeColumn(column);
}

size_t weir_json_decoder_left_out(const weir_json_decoder *decoder, int32_t table, size_t target) {
    return decoder->decoder.tables[size_t(table)]->targets[target].leftOut;
}

weir_json_memory weir_json_decoder_take_kinds(weir_json_decoder *decoder, int32_t table, size_t target) {
    return decoder->decoder.tables[size_t(table)]->takeKinds(target);
}

weir_json_memory weir_json_decoder_take_offsets(weir_json_decoder *decoder, int32_t table) {
    return decoder->decoder.tables[size_t(table)]->takeOffsets();
}

void weir_json_free(uint8_t *base) { free(base); }

}  // extern "C"
