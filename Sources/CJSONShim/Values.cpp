// Reads one JSON value into one column, strictly by the column's type.
#include "BigDecimal.h"
#include "Times.h"
#include "ValueParts.h"

namespace weir {

// Finds the parts of Debezium's VariableScaleDecimal, `{"scale": 3, "value": "MDk="}`. Returns the token after it, or 0
// for another value.
static uint32_t findScaledDecimal(const TokenList &tokens, uint32_t token, int64_t &scale, uint32_t &valueToken) {
    uint32_t scaleToken = 0;
    valueToken = 0;
    for (token++;; token++) {
        if (tokens[token] != '"' || tokens[token + 1] != ':') return 0;
        std::string_view key = tokens.string(token);
        uint32_t member = token + 2;
        if (key == "scale" && !scaleToken) scaleToken = member;
        else if (key == "value" && !valueToken) valueToken = member;
        else return 0;
        token = tokens.skip(member);
        if (token == 0) return 0;
        if (tokens[token] == '}') break;
        if (tokens[token] != ',') return 0;
    }
    if (!scaleToken || !isNumberStart(tokens[scaleToken]) || !valueToken || tokens[valueToken] != '"') return 0;
    return parseInteger(tokens.raw(scaleToken), scale) == Parse::ok ? token + 1 : 0;
}

// Reads a decimal for a column of another type as plain text: base64 in the schema block's scale, an object of scale
// and value, or a number unchanged. Returns the token after it, or 0.
static uint32_t readDecimalText(const Plan &plan, uint32_t token, Reading &reading, std::string &text) {
    const TokenList &tokens = reading.tokens;
    std::string &detail = reading.detail;
    uint32_t next = token + 1, valueToken = token;
    int64_t scale = plan.decimalScale;
    uint8_t first = tokens[token];
    if (plan.isDecimal) detail = "the schema block says Decimal";
    if (isNumberStart(first)) {
        text = tokens.raw(token);
        return isJSONNumber(text) ? next : 0;
    }
    if (first == '{') next = findScaledDecimal(tokens, token, scale, valueToken);
    if (next == 0 || tokens[valueToken] != '"') return 0;
    std::string_view raw = tokens.string(valueToken);
    std::string bytes(raw.size() + copySlack, '\0');
    uint8_t *target = reinterpret_cast<uint8_t *>(bytes.data());
    int64_t count = unescape(target, raw);
    if (count >= 0) count = decodeBase64(target, std::string(bytes.data(), size_t(count)));
    if (count < 0 || reading.placeholder.isBytes(target, size_t(count))) {
        detail = "the schema block says Decimal, whose text is base64";
        return 0;
    }
    Parse parse = decimalText(target, size_t(count), scale, text);
    if (parse == Parse::outOfRange) detail = "it is a decimal of too many digits";
    return parse == Parse::ok ? next : 0;
}

// Why a decimal does not fit a column of another type.
static uint32_t explainDecimal(const std::string &text, Parse parse, std::string &detail) {
    detail = "it is the decimal " + (text.size() > 60 ? text.substr(0, 60) + "…" : text);
    if (parse == Parse::outOfRange) detail += ", which is out of range";
    if (parse == Parse::inexact) detail += ", whose digits would be lost";
    return 0;
}

static bool mayBeDecimal(const Plan &plan, uint8_t first) {
    return plan.isDebezium && (first == '{' || (plan.isDecimal && (first == '"' || isNumberStart(first))));
}

template <typename Integer>
static uint32_t setInteger(Column &column, Parse parse, int64_t value, uint32_t next, Reading &reading) {
    if (parse == Parse::ok && Integer(value) != value) parse = Parse::outOfRange;
    if (parse != Parse::ok) [[unlikely]] return explain(parse, reading.detail);
    column.set(reading.row, Integer(value));
    return next;
}

template <typename Integer>
static uint32_t readWholeDecimal(Column &column, const Plan &plan, uint32_t token, Reading &reading) {
    if (!mayBeDecimal(plan, reading.tokens[token])) return 0;
    std::string text;
    uint32_t next = readDecimalText(plan, token, reading, text);
    if (next == 0) return 0;
    Int128 whole = 0;
    Parse parse = parseDecimal(text, 38, 0, whole);
    if (parse == Parse::ok && (whole > INT64_MAX || whole < INT64_MIN)) parse = Parse::outOfRange;
    if (parse != Parse::ok) return explainDecimal(text, parse, reading.detail);
    reading.detail.clear();
    return setInteger<Integer>(column, parse, int64_t(whole), next, reading);
}

template <typename Integer>
static uint32_t readInteger(Column &column, const Plan &plan, uint32_t token, Reading &reading) {
    uint8_t first = reading.tokens[token];
    if (!isNumberStart(first)) [[unlikely]] {
        return first == '{' ? readWholeDecimal<Integer>(column, plan, token, reading) : 0;
    }
    int64_t value = 0;
    Parse parse = parseInteger(reading.tokens.raw(token), value);
    return setInteger<Integer>(column, parse, value, token + 1, reading);
}

static uint32_t readBoolean(Column &column, const Plan &, uint32_t token, Reading &reading) {
    if (reading.tokens[token] == '"') return 0;
    std::string_view raw = reading.tokens.raw(token);
    bool isTrue = raw == "true" || raw == "1";
    if (!isTrue && raw != "false" && raw != "0") return 0;
    size_t row = reading.row;
    if (isTrue) column.values.base()[row >> 3] |= uint8_t(1 << (row & 7));
    column.setValid(row);
    return token + 1;
}

template <typename Real>
static uint32_t readReal(Column &column, const Plan &plan, uint32_t token, Reading &reading) {
    const TokenList &tokens = reading.tokens;
    Real value = 0;
    auto parseReal = [&](std::string_view text) {
        if constexpr (sizeof(Real) == 8) return parseDouble(text, value);
        else return parseFloat(text, value);
    };
    uint8_t first = tokens[token];
    uint32_t next = token + 1;
    Parse parse = Parse::malformed;
    if (first == '{' || (plan.isDecimal && first == '"')) {
        std::string text;
        next = mayBeDecimal(plan, first) ? readDecimalText(plan, token, reading, text) : 0;
        if (next == 0) return 0;
        parse = parseReal(text);
        if (parse != Parse::ok) return explainDecimal(text, parse, reading.detail);
        reading.detail.clear();
    } else if (isNumberStart(first)) {
        parse = parseReal(tokens.raw(token));
    } else if (first == '"') {
        std::string_view text = tokens.string(token);
        parse = Parse::ok;
        if (text == "NaN") value = Real(__builtin_nan(""));
        else if (text == "Infinity") value = Real(__builtin_inf());
        else if (text == "-Infinity") value = Real(-__builtin_inf());
        else parse = Parse::malformed;
    }
    if (parse != Parse::ok) return explain(parse, reading.detail);
    column.set(reading.row, value);
    return next;
}

// Whether Java's encoder may have written the text: standard alphabet, padded to groups of four. Words and truncated
// numbers mostly do not match.
static bool isJavaBase64(std::string_view text) {
    return !text.empty() && text.size() % 4 == 0 && text.find_first_of("-_") == std::string_view::npos;
}

static Parse readDecimalBytes(std::string_view text, int64_t from, const Column &column, Int128 &value) {
    uint8_t bytes[128];
    if (text.size() > 128) return Parse::outOfRange;
    int64_t count = decodeBase64(bytes, text);
    if (count < 0) return Parse::malformed;
    return decimalFromBigEndian(bytes, size_t(count), from, column.precision, column.scale, value);
}

// Why the decimal at `token`, an object or base64, does not fit its column: the message names the number.
static uint32_t explainEncoded(const Plan &plan, uint32_t token, Parse parse, Reading &reading) {
    std::string text;
    uint32_t next = readDecimalText(plan, token, reading, text);
    reading.detail.clear();
    return next == 0 ? explain(parse, reading.detail) : explainDecimal(text, parse, reading.detail);
}

static uint32_t readScaledDecimal(Column &column, const Plan &plan, uint32_t token, Reading &reading) {
    int64_t scale;
    uint32_t valueToken;
    uint32_t next = findScaledDecimal(reading.tokens, token, scale, valueToken);
    ShortText text;
    if (next == 0 || !text.read(reading.tokens, valueToken)) return 0;
    Int128 value = 0;
    Parse parse = readDecimalBytes(text.text, scale, column, value);
    if (parse != Parse::ok) return explainEncoded(plan, token, parse, reading);
    column.set(reading.row, value);
    return next;
}

static uint32_t readDecimal(Column &column, const Plan &plan, uint32_t token, Reading &reading) {
    const TokenList &tokens = reading.tokens;
    std::string &detail = reading.detail;
    Int128 value = 0;
    Parse parse = Parse::malformed;
    uint8_t first = tokens[token];
    if (first == '"') {
        ShortText text;
        if (!text.read(tokens, token)) return 0;
        if (plan.decimalText != DecimalText::base64) {
            parse = parseDecimal(text.text, column.precision, column.scale, value);
        }
        if (parse == Parse::malformed && plan.decimalText == DecimalText::base64) {
            parse = readDecimalBytes(text.text, plan.decimalScale, column, value);
            if (parse == Parse::outOfRange || parse == Parse::inexact) {
                return explainEncoded(plan, token, parse, reading);
            }
        } else if (parse == Parse::malformed && plan.decimalText == DecimalText::numberOrBase64) {
            if (isJavaBase64(text.text)) parse = readDecimalBytes(text.text, plan.decimalScale, column, value);
            if (parse != Parse::ok) {
                detail = "it is no number, nor base64 of one that fits; the source's debezium-json.decimal-text says "
                         "which is meant, number or base64";
                return 0;
            }
        } else if (parse == Parse::malformed && isJavaBase64(text.text) &&
                   readDecimalBytes(text.text, plan.decimalScale, column, value) == Parse::ok) {
            detail = "it is no number; if the connector writes decimals as bytes in base64, say so with the source's "
                     "debezium-json.decimal-text: base64";
            return 0;
        }
    } else if (isNumberStart(first)) {
        std::string_view raw = tokens.raw(token);
        if (isJSONNumber(raw)) parse = parseDecimal(raw, column.precision, column.scale, value);
    } else if (first == '{') {
        return readScaledDecimal(column, plan, token, reading);
    }
    if (parse != Parse::ok) return explain(parse, detail);
    column.set(reading.row, value);
    return token + 1;
}

static uint32_t endString(Column &column, size_t count, uint32_t next, const Reading &reading) {
    column.byteCount += count;
    column.endText(reading.row);
    column.setValid(reading.row);
    return next;
}

// A decimal or another value that is not a string.
static uint32_t readOtherString(Column &column, const Plan &plan, uint32_t token, Reading &reading) {
    const TokenList &tokens = reading.tokens;
    uint8_t first = tokens[token];
    if (plan.isDecimal && (first == '"' || first == '{')) {
        std::string text;
        uint32_t next = readDecimalText(plan, token, reading, text);
        if (next == 0) return 0;
        reading.detail.clear();
        memcpy(column.reserveText(text.size()), text.data(), text.size());
        return endString(column, text.size(), next, reading);
    }
    // Other values are kept as JSON text.
    uint32_t next = tokens.validate(token);
    if (next == 0) return 0;
    std::string_view raw = tokens.raw(token);
    if (first == '{' || first == '[') {
        if (reading.placeholder.matches(tokens, token)) return 0;
        const uint8_t *start = tokens.begin(token);
        raw = {reinterpret_cast<const char *>(start), size_t(tokens.begin(next - 1) + 1 - start)};
    }
    memcpy(column.reserveText(raw.size()), raw.data(), raw.size());
    return endString(column, raw.size(), next, reading);
}

static uint32_t readString(Column &column, const Plan &plan, uint32_t token, Reading &reading) {
    if (reading.tokens[token] != '"' || plan.isDecimal) [[unlikely]] {
        return readOtherString(column, plan, token, reading);
    }
    std::string_view raw = reading.tokens.string(token);
    uint8_t *target = column.reserveText(raw.size());
    int64_t count = copyString(target, raw);
    if (count < 0) [[unlikely]] {
        reading.detail = "a wrong escape sequence";
        return 0;
    }
    if (reading.placeholder.matches({reinterpret_cast<char *>(target), size_t(count)})) [[unlikely]] return 0;
    return endString(column, size_t(count), token + 1, reading);
}

static uint32_t readBytes(Column &column, const Plan &, uint32_t token, Reading &reading) {
    const TokenList &tokens = reading.tokens;
    if (tokens[token] != '"') return 0;
    std::string_view raw = tokens.string(token);
    std::string resolved;
    if (memchr(raw.data(), '\\', raw.size())) {
        resolved.resize(raw.size() + copySlack);
        int64_t count = unescape(reinterpret_cast<uint8_t *>(resolved.data()), raw);
        if (count < 0) return 0;
        resolved.resize(size_t(count));
        raw = resolved;
    }
    // The placeholder consists of characters of the URL-safe base64 alphabet, so it would be accepted as bytes.
    bool isUnavailable = reading.placeholder.matches(raw);
    std::string fixed;
    uint8_t *target;
    if (column.isVariable) {
        target = column.reserveText(raw.size());
    } else {
        fixed.resize(raw.size());
        target = reinterpret_cast<uint8_t *>(fixed.data());
    }
    int64_t count = isUnavailable ? -1 : decodeBase64(target, raw);
    if (isUnavailable || (count >= 0 && reading.placeholder.isBytes(target, size_t(count)))) return 0;
    if (count < 0) {
        reading.detail = "it must be base64";
        return 0;
    }
    if (column.isVariable) return endString(column, size_t(count), token + 1, reading);
    if (count != column.width) {
        reading.detail = "base64 of " + std::to_string(count) + " bytes";
        return 0;
    }
    memcpy(column.values.base() + reading.row * size_t(column.width), target, size_t(column.width));
    column.setValid(reading.row);
    return token + 1;
}

static uint32_t readUUID(Column &column, const Plan &plan, uint32_t token, Reading &reading) {
    if (reading.tokens[token] != '"') return 0;
    std::string_view text = reading.tokens.string(token);
    // A uuid as text has 36 characters; base64 of its bytes has at most 24.
    if (text.size() != 36) return plan.isDebezium ? 0 : readBytes(column, plan, token, reading);
    uint8_t *target = column.values.base() + reading.row * 16;
    int nibbles = 0;
    for (size_t i = 0; i < 36; i++) {
        uint8_t c = uint8_t(text[i]);
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-') return 0;
            continue;
        }
        int digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
        if (digit < 0) return 0;
        target[nibbles / 2] = uint8_t(nibbles & 1 ? target[nibbles / 2] | digit : digit << 4);
        nibbles++;
    }
    column.setValid(reading.row);
    return token + 1;
}

Reader readerFor(weir_json_type type, bool isDecimal) {
    switch (type) {
    case WEIR_JSON_INT: return isDecimal ? readWholeDecimal<int32_t> : readInteger<int32_t>;
    case WEIR_JSON_LONG: return isDecimal ? readWholeDecimal<int64_t> : readInteger<int64_t>;
    case WEIR_JSON_BOOLEAN: return readBoolean;
    case WEIR_JSON_FLOAT: return readReal<float>;
    case WEIR_JSON_DOUBLE: return readReal<double>;
    case WEIR_JSON_DECIMAL: return readDecimal;
    case WEIR_JSON_DATE:
    case WEIR_JSON_TIME:
    case WEIR_JSON_TIMESTAMP:
    case WEIR_JSON_TIMESTAMPTZ: return temporalReaderFor(type);
    case WEIR_JSON_STRING: return readString;
    case WEIR_JSON_UUID: return readUUID;
    case WEIR_JSON_FIXED:
    case WEIR_JSON_BINARY: return readBytes;
    }
    return nullptr;
}

std::string describe(const TokenList &tokens, uint32_t token) {
    uint8_t first = tokens[token];
    if (first == 0) return "the end of the text";
    if (first == '{') return "an object";
    if (first == '[') return "an array";
    std::string_view raw = tokens.raw(token);
    size_t count = raw.size() < 48 ? raw.size() : 48;
    // Do not cut a UTF-8 character.
    while (count > 0 && count < raw.size() && (uint8_t(raw[count]) & 0xc0) == 0x80) count--;
    return std::string(raw.substr(0, count)) + (count < raw.size() ? "…" : "");
}

}  // namespace weir
