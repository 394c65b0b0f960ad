#include "Envelope.h"

#include "Text.h"

namespace weir {

// Reads a null or a string. Debezium writes no other values for these names.
static bool readName(const Tokens &tokens, uint32_t token, std::string_view &name) {
    if (tokens[token] == '"') {
        name = tokens.string(token);
        return true;
    }
    return tokens.isNull(token);
}

static uint32_t readSource(const Tokens &tokens, uint32_t token, Source &source, std::string &reason) {
    reason = "the source block is not well-formed";
    if (tokens.isNull(token)) return token + 1;
    if (tokens[token] != '{') return 0;
    std::string_view collection;
    token++;
    if (tokens[token] == '}') return token + 1;
    while (true) {
        if (tokens[token] != '"' || tokens[token + 1] != ':') return 0;
        std::string_view key = tokens.string(token);
        uint32_t value = token + 2;
        std::string_view *name = nullptr;
        if (key.size() == 2 && key == "db") name = &source.database;
        else if (key.size() == 5 && key == "table") name = &source.table;
        else if (key.size() == 6 && key == "schema") name = &source.schema;
        else if (key.size() == 10 && key == "collection") name = &collection;
        if (name) {
            if (name->data()) {
                reason = "source." + std::string(key) + " is there twice";
                return 0;
            }
            if (!readName(tokens, value, *name)) {
                reason = "source." + std::string(key) + " is neither text nor null";
                return 0;
            }
        }
        token = tokens.skip(value);
        if (token == 0) return 0;
        if (tokens[token] == '}') break;
        if (tokens[token] != ',') return 0;
        token++;
    }
    if (!source.table.data()) source.table = collection;
    return token + 1;
}

uint32_t Envelope::readMembers(const Tokens &tokens, uint32_t token, bool isKey, std::string &reason) {
    std::string unescaped;
    if (tokens[token] == '}') return token + 1;
    while (true) {
        if (tokens[token] != '"' || tokens[token + 1] != ':') {
            reason = "the event is not a well-formed object: expected a member name and ':'";
            return 0;
        }
        std::string_view key = tokens.string(token);
        uint32_t value = token + 2;
        if (memchr(key.data(), '\\', key.size())) [[unlikely]] {
            unescaped.resize(key.size() + copySlack);
            int64_t count = unescape(reinterpret_cast<uint8_t *>(unescaped.data()), key);
            if (count < 0) {
                reason = "a member name of the event has a wrong escape sequence";
                return 0;
            }
            key = std::string_view(unescaped).substr(0, size_t(count));
        }
        uint32_t *member = nullptr;
        switch (key.size()) {
        case 2:
            if (key == "op") member = &op;
            break;
        case 5:
            if (key == "after") member = &after;
            break;
        case 6:
            if (key == "before") member = &before;
            else if (key == "source") member = &source;
            else if (key == "schema") member = &schema;
            break;
        case 7:
            if (key == "payload") member = &payload;
            break;
        default: break;
        }
        if (member) {
            if (*member) {
                reason = std::string(key) + " is there twice";
                return 0;
            }
            *member = value;
            bool isSource = member == &source && !isKey;
            token = isSource ? readSource(tokens, value, names, reason) : tokens.leap(value);
            if (token == 0) {
                if (!isSource) reason = std::string(key) + " is not well-formed JSON";
                return 0;
            }
        } else {
            token = tokens.skip(value);
            if (token == 0) {
                reason = "the event holds a member that is not well-formed JSON";
                return 0;
            }
        }
        if (tokens[token] == '}') return token + 1;
        if (tokens[token] != ',') {
            reason = "the event is not a well-formed object: expected ',' or '}'";
            return 0;
        }
        token++;
    }
}

bool isWithoutRows(const Tokens &tokens, uint32_t token) {
    bool hasTime = false, isMark = false, hasCount = false, hasStatement = false, hasSource = false, hasOther = false;
    while (tokens[token] == '"' && tokens[token + 1] == ':') {
        std::string_view key = tokens.string(token);
        uint32_t value = token + 2;
        if (key == "ts_ms" || key == "ts_us" || key == "ts_ns") {
            hasTime = true;
        } else {
            hasOther = true;
            if (key == "status" && tokens[value] == '"') {
                isMark = tokens.string(value) == "BEGIN" || tokens.string(value) == "END";
            }
            hasCount |= key == "event_count";
            hasStatement |= key == "ddl" || key == "tableChanges";
            hasSource |= key == "source";
        }
        token = tokens.skip(value);
        if (token == 0 || tokens[token] != ',') break;
        token++;
    }
    return (hasTime && !hasOther) || (isMark && hasCount) || (hasStatement && hasSource);
}

}  // namespace weir
