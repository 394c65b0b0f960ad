#include "Decoder.h"

#include "Text.h"

namespace weir {

// Most distinct schema blocks kept. A topic has one at a time and a few over its history.
static constexpr size_t mostBlocks = 64;
static constexpr std::string_view byteOrderMark = "\xef\xbb\xbf";

int32_t Decoder::addTable(
    const weir_json_column *columns, size_t count, const weir_json_target *targets, size_t targetCount) {
    std::vector<Column> list;
    list.reserve(count);
    for (size_t i = 0; i < count; i++) list.emplace_back(columns[i]);
    tables.push_back(std::make_unique<Table>(std::move(list), targets, targetCount, options_, placeholder_.get()));
    return int32_t(tables.size() - 1);
}

void Decoder::begin() {
    rejections.clear();
    for (auto [source, column] : noted_) {
        Binding &binding = *bindings_[size_t(source)];
        binding.units[column].endBatch(tables[size_t(binding.table)]->columns[column].type);
    }
    noted_.clear();
    questions.clear();
    notices.list.clear();
    tombstones = ignored = withoutRows = 0;
    for (auto &table : tables) table->clear();
    tokens_.shrink();
    if (paddedCapacity_ > 1 << 20) {
        padded_.reset();
        paddedCapacity_ = 0;
    }
}

weir_json_status Decoder::run(const weir_json_batch &batch, size_t &next) {
    for (; next < batch.record_count; next++) {
        const weir_json_record &record = batch.records[next];
        auto isInside = [&](int32_t start, int32_t count) {
            return count < 0 || (start >= 0 && size_t(start) + size_t(count) <= batch.arena_count);
        };
        if (!isInside(record.key_start, record.key_count) || !isInside(record.value_start, record.value_count)) {
            return WEIR_JSON_BAD_SLICE;
        }
        if (record.value_count < 0) {
            tombstones++;
            continue;
        }
        notices.record = next;
        source_ = -1;
        switch (decode(batch, record)) {
        case Outcome::done: break;
        case Outcome::rejected: rejections.push_back({next, source_, -1, reason_}); break;
        case Outcome::unknownSource: return WEIR_JSON_UNKNOWN_SOURCE;
        }
    }
    questions.clear();
    for (auto place : noted_) {
        if (bindings_[size_t(place.first)]->units[place.second].isQuestioned()) questions.push_back(place);
    }
    return WEIR_JSON_DONE;
}

Slice Decoder::slice(const weir_json_batch &batch, int32_t start, int32_t count) {
    size_t end = size_t(start) + size_t(count);
    if (end + WEIR_JSON_PADDING <= batch.arena_count) [[likely]] return {batch.arena + start, size_t(count)};
    size_t needed = size_t(count) + WEIR_JSON_PADDING;
    if (needed > paddedCapacity_) {
        padded_.reset();
        padded_.reset(new uint8_t[needed]);
        paddedCapacity_ = needed;
    }
    if (count > 0) memcpy(padded_.get(), batch.arena + start, size_t(count));
    memset(padded_.get() + count, ' ', WEIR_JSON_PADDING);
    return {padded_.get(), size_t(count)};
}

bool Decoder::open(Slice text, SchemaBlocks &blocks, SchemaBlock *&block, uint32_t &token) {
    block = nullptr;
    auto begins = [&](const SchemaBlock *known) {
        return !known->prefix.empty() && text.count > known->prefix.size() &&
               memcmp(text.base, known->prefix.data(), known->prefix.size()) == 0;
    };
    if (blocks.last && begins(blocks.last)) {
        block = blocks.last;
    } else if (text.count > 9 && memcmp(text.base, "{\"schema\"", 9) == 0) {
        for (auto &known : blocks.list) {
            if (begins(known.get())) block = blocks.last = known.get();
        }
    }
    size_t start = block ? block->prefix.size() : 0;
    if (const char *error = tokens_.index(text.base + start, text.count - start)) {
        bool hasMark = text.count >= 3 && memcmp(text.base, byteOrderMark.data(), 3) == 0;
        reason_ = std::string(text.count == 0 ? "it is empty" : "not JSON: ") + (text.count == 0 ? "" : error) +
                  (hasMark ? " (it begins with a byte order mark)" : "");
        return false;
    }
    uint8_t first = tokens_[0];
    if (block) {
        // The block was the first member: another member follows, or the object ends.
        if (first != ',' && first != '}') {
            reason_ = "not JSON: expected ',' or '}' behind the schema block";
            return false;
        }
        token = first == ',' ? 1 : 0;
        // A member must follow a comma.
        if (first == ',' && tokens_[1] == '}') {
            reason_ = "not JSON: a comma in front of '}'";
            return false;
        }
        return true;
    }
    token = 1;
    if (first == '{') return true;
    std::string found = describe(tokens_, 0);
    bool isWord = (first | 0x20) >= 'a' && (first | 0x20) <= 'z';
    if (isWord && found != "true" && found != "false" && found != "null") {
        reason_ = "not JSON: it begins with " + found + " instead of '{'";
        return false;
    }
    reason_ = "expected a JSON object, found ";
    bool hasMark = text.count >= 3 && memcmp(text.base, byteOrderMark.data(), 3) == 0;
    reason_ += hasMark ? "a byte order mark" : found;
    return false;
}

bool Decoder::findBlock(Slice text, SchemaBlocks &blocks, uint32_t token, SchemaBlock *&block) {
    uint32_t next = tokens_.skip(token);
    if (next == 0 || tokens_[token] != '{') {
        reason_ = "the schema block is not a well-formed object";
        return false;
    }
    const uint8_t *start = tokens_.begin(token);
    const uint8_t *end = tokens_.begin(next - 1) + 1;
    std::string_view body(reinterpret_cast<const char *>(start), size_t(end - start));
    bool isFirst = token == 3;
    std::string_view prefix(reinterpret_cast<const char *>(text.base), isFirst ? size_t(end - text.base) : 0);
    for (auto &known : blocks.list) {
        if (known->body == body && known->prefix == prefix) {
            block = known.get();
            return true;
        }
    }
    auto fresh = std::make_unique<SchemaBlock>();
    if (!readSchemaFields(tokens_, token, fresh->fields)) {
        reason_ = "the schema block is not a Connect schema";
        return false;
    }
    fresh->prefix = prefix;
    fresh->body = body;
    if (blocks.list.size() >= mostBlocks) blocks.list.clear();
    blocks.list.push_back(std::move(fresh));
    block = blocks.last = blocks.list.back().get();
    return true;
}

const std::vector<Plan> &Decoder::plansFor(const Table &table, int32_t number, SchemaBlock *block) {
    if (!block) return table.plans;
    auto [entry, isNew] = block->plans.try_emplace(number);
    if (isNew) {
        for (const Column &column : table.columns) {
            const SchemaField *field = findField(block->fields, column.name);
            entry->second.push_back(planFor(column.type, column.scale, field, options_));
        }
    }
    return entry->second;
}

Decoder::Outcome Decoder::decode(const weir_json_batch &batch, const weir_json_record &record) {
    Slice text = slice(batch, record.value_start, record.value_count);
    SchemaBlock *block;
    uint32_t token;
    if (!unframe(text)) {
        reason_ = "the value: " + reason_;
        return Outcome::rejected;
    }
    if (!open(text, valueBlocks_, block, token)) {
        // A converter may write a tombstone as the word null.
        if (!block && tokens_.count() == 1 && tokens_.isNull(0)) {
            tombstones++;
            return Outcome::done;
        }
        reason_ = "the value: " + reason_;
        return Outcome::rejected;
    }
    Envelope event;
    uint32_t end = event.readMembers(tokens_, token, false, reason_);
    if (end == 0) return Outcome::rejected;
    if (end != tokens_.count()) {
        reason_ = "the value: not JSON: more text behind the object";
        return Outcome::rejected;
    }
    if (event.schema && block) {
        reason_ = "schema is there twice";
        return Outcome::rejected;
    }
    if (event.schema && event.payload && !tokens_.isNull(event.schema) &&
        !findBlock(text, valueBlocks_, event.schema, block)) {
        return Outcome::rejected;
    }
    if (event.payload && !event.op) {
        if (tokens_.isNull(event.payload)) {
            tombstones++;
            return Outcome::done;
        }
        if (tokens_[event.payload] != '{') {
            reason_ = "payload: expected an object, found " + describe(tokens_, event.payload);
            return Outcome::rejected;
        }
        Envelope inner;
        if (inner.readMembers(tokens_, event.payload + 1, false, reason_) == 0) return Outcome::rejected;
        return decodeChange(batch, record, inner, event.payload + 1, block);
    }
    return decodeChange(batch, record, event, token, block);
}

bool Decoder::findSource(const Source &source, std::string_view topic, int32_t &number) {
    // JSON text between quotes and topic names contain no byte below 32, so 1 and 2 are unambiguous separators.
    auto append = [&](std::string_view name) {
        scratch_.push_back(name.data() ? '\1' : '\2');
        scratch_.append(name);
    };
    scratch_.assign(topic);
    if (source.isKnown()) {
        append(source.database);
        append(source.schema);
        append(source.table);
    }
    if (hasLast_ && scratch_ == lastSource_) {
        number = lastNumber_;
        return true;
    }
    auto known = numberOfSource_.find(scratch_);
    if (known != numberOfSource_.end()) {
        number = lastNumber_ = known->second;
        lastSource_ = scratch_;
        hasLast_ = true;
        return true;
    }
    auto resolve = [](std::string_view raw, std::string &name) {
        name.resize(raw.size() + copySlack);
        int64_t count = raw.data() ? copyString(reinterpret_cast<uint8_t *>(name.data()), raw) : 0;
        if (count < 0) return false;
        name.resize(size_t(count));
        return true;
    };
    Source names = source.isKnown() ? source : Source();
    unknown.hasDatabase = names.database.data();
    unknown.hasSchema = names.schema.data();
    unknown.hasTable = names.table.data();
    if (!resolve(names.database, unknown.database) || !resolve(names.schema, unknown.schema) ||
        !resolve(names.table, unknown.table)) {
        reason_ = "a name in the source block has a wrong escape sequence";
    } else {
        reason_.clear();
    }
    return false;
}

int32_t Decoder::bind(int32_t table, const weir_json_unit *units, const bool *isTold) {
    int32_t number = int32_t(bindings_.size());
    std::unique_ptr<Binding> binding;
    if (table >= 0) {
        binding = std::make_unique<Binding>(tables[size_t(table)]->columns, number, table, &notices);
        for (size_t i = 0; i < binding->units.size(); i++) {
            Unit unit = unitOf(units[i]);
            if (unit == Unit::refused) continue;
            binding->units[i].know(tables[size_t(table)]->columns[i].type, unit, isTold[i]);
        }
    }
    bindings_.push_back(std::move(binding));
    numberOfSource_[scratch_] = number;
    hasLast_ = false;
    return number;
}

void Decoder::setUnit(int32_t source, size_t column, weir_json_unit unit) {
    Binding &binding = *bindings_[size_t(source)];
    binding.units[column].know(tables[size_t(binding.table)]->columns[column].type, unitOf(unit), false);
}

void Decoder::noteDoubts(Binding &binding, const Table &table) {
    for (auto [column, value] : binding.doubts) {
        ColumnUnit &unit = binding.units[column];
        bool isFirst = unit.evidence.isEmpty() && unit.fit.isEmpty();
        weir_json_type type = table.columns[column].type;
        if (unit.unit != Unit::refused && !unit.isContradictedBy(type, value)) {
            unit.noteFit(value, notices.record);
        } else {
            unit.evidence.note(likenessOf(type, value), value, notices.record);
        }
        if (isFirst && !(unit.evidence.isEmpty() && unit.fit.isEmpty())) noted_.push_back({binding.number, column});
    }
}

weir_json_question Decoder::question(size_t index) const {
    auto [source, column] = questions[index];
    const Binding &binding = *bindings_[size_t(source)];
    weir_json_question result = binding.units[column].question(tables[size_t(binding.table)]->columns[column].type);
    result.source = source;
    result.column = column;
    return result;
}

void Decoder::forgetSources() {
    questions.clear();
    noted_.clear();
    numberOfSource_.clear();
    bindings_.clear();
    hasLast_ = false;
}

Decoder::Outcome Decoder::decodeChange(
    const weir_json_batch &batch, const weir_json_record &record, const Envelope &event, uint32_t members,
    SchemaBlock *block) {
    std::string_view op = event.op && tokens_[event.op] == '"' ? tokens_.string(event.op) : std::string_view();
    if (op.empty()) {
        if (!event.op && isWithoutRows(tokens_, members)) {
            withoutRows++;
            return Outcome::done;
        }
        reason_ = event.op ? "op: expected text, found " + describe(tokens_, event.op)
                           : "there is no member 'op': not a Debezium change event";
        return Outcome::rejected;
    }
    if (op == "m") {
        withoutRows++;
        return Outcome::done;
    }
    int32_t number;
    if (!findSource(event.names, {batch.topic, batch.topic_count}, number)) {
        return reason_.empty() ? Outcome::unknownSource : Outcome::rejected;
    }
    Binding *binding = bindings_[size_t(number)].get();
    if (!binding) {
        ignored++;
        return Outcome::done;
    }
    source_ = number;
    if (op == "t") {
        withoutRows++;
        notices.add({WEIR_JSON_TRUNCATED, number, 0, 0, ""});
        return Outcome::done;
    }
    if (op.size() != 1 || (op != "c" && op != "r" && op != "u" && op != "d")) {
        reason_ = "op: expected one of c, r, u, d, t, m, found " + describe(tokens_, event.op);
        return Outcome::rejected;
    }
    Table &table = *tables[size_t(binding->table)];
    table.beginRecord();
    binding->doubts.clear();
    size_t start = table.rows;
    bool isTaken;
    try {
        isTaken = decodeRows(batch, record, event, block, *binding, op[0]);
    } catch (...) {
        table.cut(start);
        throw;
    }
    if (!isTaken) {
        table.cut(start);
        // Report the targets' own reasons, unless the record as a whole was rejected.
        bool isWhole = table.targets.size() == 1;
        for (const Target &target : table.targets) isWhole |= target.refusal.empty();
        if (isWhole) return Outcome::rejected;
    }
    if (isTaken && !binding->doubts.empty()) [[unlikely]] noteDoubts(*binding, table);
    if (table.hasRefusals()) [[unlikely]] {
        for (size_t i = 0; i < table.targets.size(); i++) {
            const std::string &refusal = table.targets[i].refusal;
            if (!refusal.empty()) rejections.push_back({notices.record, source_, int32_t(i), refusal});
        }
    }
    return Outcome::done;
}

bool Decoder::decodeRows(
    const weir_json_batch &batch, const weir_json_record &record, const Envelope &event, SchemaBlock *block,
    Binding &binding, char op) {
    Table &table = *tables[size_t(binding.table)];
    size_t row = table.rows;
    auto isObject = [&](uint32_t token) { return token && tokens_[token] == '{'; };
    auto isAbsent = [&](uint32_t token) { return !token || tokens_.isNull(token); };
    bool hasBefore = isObject(event.before), hasAfter = isObject(event.after);
    if (!hasBefore && !isAbsent(event.before)) {
        reason_ = "before: expected an object or null, found " + describe(tokens_, event.before);
        return false;
    }
    if (!hasAfter && !isAbsent(event.after)) {
        reason_ = "after: expected an object or null, found " + describe(tokens_, event.after);
        return false;
    }
    if (op != 'd' && !hasAfter) {
        reason_ = std::string("after is null or absent, but op '") + op + "' needs the new row";
        return false;
    }
    // Images that the operation does not need are not read, but must be well-formed JSON.
    if ((hasBefore && (op == 'c' || op == 'r') && !tokens_.skip(event.before)) ||
        (hasAfter && op == 'd' && !tokens_.skip(event.after))) {
        reason_ = "before or after is not well-formed JSON";
        return false;
    }
    const std::vector<Plan> &plans = plansFor(table, binding.table, block);
    if (op == 'd') {
        if (hasBefore) {
            if (!table.readRow(tokens_, event.before, binding, plans, "before", reason_) ||
                !table.hasRequired(row, false, "before", reason_))
                return false;
        } else if (!decodeKey(batch, record, table, binding)) {
            return false;
        }
        table.setChange(row, Kind::remove, record.offset);
        return true;
    }
    bool isUpdate = op == 'u';
    if (isUpdate && hasBefore) {
        if (!table.readRow(tokens_, event.before, binding, plans, "before", reason_) ||
            !table.hasRequired(row, false, "before", reason_))
            return false;
        row++;
    }
    if (!table.readRow(tokens_, event.after, binding, plans, "after", reason_) ||
        !table.hasRequired(row, true, "after", reason_))
        return false;
    if (isUpdate && hasBefore) {
        table.setUpdate(row - 1, record.offset);
    } else {
        table.setChange(row, isUpdate ? Kind::updateAfter : Kind::insert, record.offset);
    }
    return true;
}

}  // namespace weir
