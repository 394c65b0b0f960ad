#include "Envelope.h"

#include "Text.h"

namespace weir {

// Reads a null or a string. Debezium writes no other values for these names.
static bool readName(const TokenList &tokens, uint32_t token, std::string_view &name) {
    if (tokens[token] == '"') {
        name = tokens.string(token);
        return true;
    }
    return tokens.isNull(token);
}

static uint32_t readSource(const TokenList tokens, uint32_t token, Source &source, std::string &reason) {
    auto fail = [&](std::string why) {
        reason = std::move(why);
        return 0;
    };
    static constexpr const char *malformed = "the source block is not well-formed";
    if (tokens.isNull(token)) return token + 1;
    if (tokens[token] != '{') return fail(malformed);
    std::string_view collection;
    token++;
    if (tokens[token] == '}') return token + 1;
    while (true) {
        if (tokens[token] != '"' || tokens[token + 1] != ':') return fail(malformed);
        std::string_view key = tokens.string(token);
        uint32_t value = token + 2;
        std::string_view *name = nullptr;
        switch (key.size()) {
        case 2:
            if (key == "db") name = &source.database;
            break;
        case 5:
            if (key == "table") name = &source.table;
            break;
        case 6:
            if (key == "schema") name = &source.schema;
            break;
        case 10:
            if (key == "collection") name = &collection;
            break;
        default: break;
        }
        if (name) {
            if (name->data()) return fail("source." + std::string(key) + " is there twice");
            if (!readName(tokens, value, *name)) {
                return fail("source." + std::string(key) + " is neither text nor null");
            }
        }
        token = tokens.skip(value);
        uint8_t next = tokens[token];
        if (token != 0 && next == ',') {
            token++;
            continue;
        }
        if (token == 0 || next != '}') return fail(malformed);
        if (!source.table.data()) source.table = collection;
        return token + 1;
    }
}

uint32_t *Envelope::find(std::string_view key) {
    switch (key.size()) {
    case 2: return key == "op" ? &op : nullptr;
    case 5: return key == "after" ? &after : nullptr;
    case 6:
        if (key == "before") return &before;
        if (key == "source") return &source;
        return key == "schema" ? &schema : nullptr;
    case 7: return key == "payload" ? &payload : nullptr;
    default: return nullptr;
    }
}

uint32_t Envelope::readMembers(const TokenList &list, uint32_t token, bool isKey, std::string &reason) {
    const TokenList tokens = list;
    auto fail = [&](std::string why) {
        reason = std::move(why);
        return 0;
    };
    if (tokens[token] == '}') return token + 1;
    while (true) {
        if (tokens[token] != '"' || tokens[token + 1] != ':') {
            return fail("the event is not a well-formed object: expected a member name and ':'");
        }
        std::string_view key = tokens.string(token);
        uint32_t value = token + 2;
        uint32_t *member = find(key);
        if (!member && memchr(key.data(), '\\', key.size())) [[unlikely]] {
            std::string unescaped(key.size() + copySlack, '\0');
            int64_t count = unescape(reinterpret_cast<uint8_t *>(unescaped.data()), key);
            if (count < 0) return fail("a member name of the event has a wrong escape sequence");
            member = find(std::string_view(unescaped).substr(0, size_t(count)));
        }
        if (member) {
            if (*member) return fail(std::string(key) + " is there twice");
            *member = value;
            bool isSource = member == &source && !isKey;
            token = isSource ? readSource(tokens, value, names, reason) : tokens.leap(value);
            if (token == 0) return isSource ? 0 : fail(std::string(key) + " is not well-formed JSON");
        } else {
            token = tokens.skip(value);
            if (token == 0) return fail("the event holds a member that is not well-formed JSON");
        }
        if (tokens[token] == '}') return token + 1;
        if (tokens[token] != ',') {
            return fail("the event is not a well-formed object: expected ',' or '}'");
        }
        token++;
    }
}

bool isWithoutRows(const TokenList &tokens, uint32_t token) {
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
