#include "ConnectSchema.h"

#include "Text.h"

namespace weir {

namespace {

bool readText(const TokenList &tokens, uint32_t token, std::string &text) {
    if (tokens[token] != '"') return false;
    std::string_view raw = tokens.string(token);
    text.resize(raw.size() + copySlack);
    int64_t count = copyString(reinterpret_cast<uint8_t *>(text.data()), raw);
    if (count < 0) return false;
    text.resize(size_t(count));
    return true;
}

// Calls `body(key, value token)` for each member of the object at `token`. False when the object is malformed or `body`
// returns false.
template <typename Body>
bool forEachMember(const TokenList &tokens, uint32_t token, Body body) {
    if (tokens[token] != '{') return false;
    token++;
    if (tokens[token] == '}') return true;
    std::string key;
    while (true) {
        if (tokens[token + 1] != ':' || !readText(tokens, token, key)) return false;
        uint32_t value = token + 2;
        uint32_t next = tokens.skip(value);
        if (!next || !body(key, value)) return false;
        if (tokens[next] == '}') return true;
        if (tokens[next] != ',') return false;
        token = next + 1;
    }
}

template <typename Body>
bool forEachElement(const TokenList &tokens, uint32_t token, Body body) {
    if (tokens[token] != '[') return false;
    token++;
    if (tokens[token] == ']') return true;
    while (true) {
        uint32_t next = tokens.skip(token);
        if (!next || !body(token)) return false;
        if (tokens[next] == ']') return true;
        if (tokens[next] != ',') return false;
        token = next + 1;
    }
}

// One field's schema; `children` is the token of its `fields`, 0 when it has none.
bool readField(const TokenList &tokens, uint32_t token, SchemaField &field, uint32_t &children) {
    children = 0;
    return forEachMember(tokens, token, [&](const std::string &key, uint32_t value) {
        if (key == "field") return readText(tokens, value, field.name);
        if (key == "type") return readText(tokens, value, field.type);
        if (key == "name") return tokens.isNull(value) || readText(tokens, value, field.semantic);
        if (key == "fields") children = value;
        if (key == "parameters" && tokens[value] == '{') {
            return forEachMember(tokens, value, [&](const std::string &parameter, uint32_t text) {
                if (parameter != "scale") return true;
                std::string digits;
                return readText(tokens, text, digits) && parseInteger(digits, field.scale) == Parse::ok;
            });
        }
        return true;
    });
}

bool readFields(const TokenList &tokens, uint32_t list, std::vector<SchemaField> &fields) {
    return forEachElement(tokens, list, [&](uint32_t element) {
        SchemaField field;
        uint32_t children;
        if (!readField(tokens, element, field, children)) return false;
        fields.push_back(std::move(field));
        return true;
    });
}

}  // namespace

bool readSchemaFields(const TokenList &tokens, uint32_t token, std::vector<SchemaField> &fields) {
    SchemaField whole;
    uint32_t list;
    if (!readField(tokens, token, whole, list)) return false;
    fields.clear();
    if (!list) return true;
    uint32_t before = 0, after = 0;
    bool isValid = forEachElement(tokens, list, [&](uint32_t element) {
        SchemaField field;
        uint32_t children;
        if (!readField(tokens, element, field, children)) return false;
        if (field.name == "after") after = children;
        if (field.name == "before") before = children;
        fields.push_back(std::move(field));
        return true;
    });
    if (!isValid) return false;
    if (uint32_t row = after ? after : before) {
        fields.clear();
        return readFields(tokens, row, fields);
    }
    return true;
}

const SchemaField *findField(const std::vector<SchemaField> &fields, const std::string &name) {
    const SchemaField *similar = nullptr;
    size_t count = 0;
    for (const SchemaField &field : fields) {
        if (field.name == name) return &field;
        if (!isEqualIgnoringCase(field.name, name)) continue;
        similar = &field;
        count++;
    }
    return count == 1 ? similar : nullptr;
}

static Plan planWithoutReader(
    weir_json_type type, int32_t scale, const SchemaField *field, const weir_json_options &options) {
    static constexpr std::string_view debezium = "io.debezium.time.", connect = "org.apache.kafka.connect.data.";
    static constexpr std::string_view variableScale = "io.debezium.data.VariableScaleDecimal";
    Plan plan{};
    plan.unit = Unit::refused;
    plan.zone = Zone::none;
    plan.decimalText = DecimalText(options.decimal_text);
    plan.decimalScale = scale;
    plan.isDebezium = !options.is_log_store;
    if (options.is_log_store) {
        plan.zone = type == WEIR_JSON_TIMESTAMPTZ ? Zone::optional : Zone::optionalZ;
        plan.unit = type == WEIR_JSON_DATE ? Unit::days : Unit::micros;
        plan.decimalText = DecimalText::number;
        return plan;
    }
    std::string_view semantic = field ? std::string_view(field->semantic) : std::string_view();
    std::string_view name;
    bool isConnect = semantic.starts_with(connect);
    bool isConnectDecimal = isConnect && semantic.substr(connect.size()) == "Decimal";
    plan.isDecimal = isConnectDecimal || semantic == variableScale;
    if (isConnect) name = semantic.substr(connect.size());
    if (semantic.starts_with(debezium)) name = semantic.substr(debezium.size());
    switch (type) {
    case WEIR_JSON_DATE:
        plan.unit = name.empty() || name == "Date" ? Unit::days : Unit::refused;
        plan.zone = Zone::optionalZ;
        break;
    case WEIR_JSON_TIME:
        if (name.empty()) plan.unit = Unit::column;
        if (name == "Time") plan.unit = Unit::millis;
        if (name == "MicroTime") plan.unit = Unit::micros;
        if (name == "NanoTime") plan.unit = Unit::nanos;
        if (name == "IsoTime") plan.zone = Zone::optionalZ;
        break;
    case WEIR_JSON_TIMESTAMP:
    case WEIR_JSON_TIMESTAMPTZ:
        if (name.empty()) plan.unit = Unit::column;
        if (name == "Timestamp") plan.unit = Unit::millis;
        if (name == "MicroTimestamp") plan.unit = Unit::micros;
        if (name == "NanoTimestamp") plan.unit = Unit::nanos;
        if (type == WEIR_JSON_TIMESTAMPTZ) plan.zone = Zone::required;
        else if (name == "IsoTimestamp") plan.zone = Zone::optionalZ;
        break;
    case WEIR_JSON_DECIMAL:
        if (isConnectDecimal) {
            plan.decimalText = DecimalText::base64;
            if (field->scale >= INT32_MIN && field->scale <= INT32_MAX) plan.decimalScale = int32_t(field->scale);
        } else if (field && field->type == "string") {
            plan.decimalText = DecimalText::number;
        }
        break;
    default:
        // Without a scale in the block the bytes cannot be interpreted.
        if (isConnectDecimal) {
            bool hasScale = field->scale >= INT32_MIN && field->scale <= INT32_MAX;
            plan.decimalScale = hasScale ? int32_t(field->scale) : 0;
            plan.isDecimal = hasScale;
        }
        break;
    }
    return plan;
}

Plan planFor(weir_json_type type, int32_t scale, const SchemaField *field, const weir_json_options &options) {
    Plan plan = planWithoutReader(type, scale, field, options);
    plan.read = readerFor(type, plan.isDecimal);
    return plan;
}

}  // namespace weir
