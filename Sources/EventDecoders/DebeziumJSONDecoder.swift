import Bytes
import CJSONShim
import ChangeEvents
import Columnar
import EventLog

/// Decodes Debezium change events in JSON into typed columns, with or without the `schema`/`payload` block.
///
/// ```
/// RawBatch ──> simdjson index ──> envelope: source, op ──> before, after ──> SourceChanges ──> ChangeBatch per table
///                                        │                     │
///                                 routes, once per source   any value its column cannot hold ──> RejectedRecord
/// ```
/// `c` and `r` are inserts, `d` a delete, `u` an update, with the old row if the source sent one. An update that
/// changes the primary key becomes a delete and an insert. A delete without `before` takes the key columns from the
/// record's key. Heartbeats, transaction markers, schema changes, logical messages and truncates produce no row.
///
/// Each record is parsed once, into all columns that any of its tables needs. If two tables need different types of one
/// column, the column is decoded into both.
///
/// A column is filled from the member of exactly its name. A row without one fills it from the member whose name differs
/// in the case of ASCII letters alone; two such members reject the record for the tables that have the column. Columns
/// of one table that differ in case alone are filled by exact names only. Other records have no influence on this.
///
/// Decoding is strict: a value that the column's type cannot hold exactly rejects the record, as a whole, for the
/// tables that have the column. Other records are not affected. A `string` column takes any JSON value; objects,
/// arrays, numbers and booleans keep their JSON text, and decimals described in the schema block become plain numbers.
///
/// If neither the schema block nor an option gives the unit of the integers in a time column, the unit is derived from
/// all values of a batch and kept from then on. If the values do not determine the unit, or later ones contradict it,
/// the batch is not decoded, because every reading would be a guess.
///
/// Not thread-safe.
public final class DebeziumJSONDecoder: EventDecoder {
    private struct Source {
        let table: SourceTable
        /// The index of the source's layout; nil if its records are ignored.
        let layout: Int32?
    }

    private let routes: (SourceTable) -> [TableTarget]
    private let options: DebeziumJSONOptions
    private let keeper: (any UnitKeeper)?
    private let native: OpaquePointer
    /// Indexed by the layout numbers of the shim.
    private var layouts: [TableLayout] = []
    private var sources: [Source] = []
    /// Columns whose configured unit was reported to look wrong.
    private var earlyColumns: Set<SourceColumn> = []

    private static let sourcesMax = 65_536

    /// - Parameters:
    ///   - units: stores the units of columns beyond the decoder's lifetime; nil to not store them.
    ///   - routes: called once for each source table; the result is cached. An empty result ignores the table's
    ///     records.
    public init(
        _ options: DebeziumJSONOptions,
        units: (any UnitKeeper)? = nil,
        routes: @escaping (SourceTable) -> [TableTarget]
    ) {
        self.routes = routes
        keeper = units
        self.options = options
        guard let native = weir_json_options.with(options, { weir_json_decoder_create($0) }) else {
            fatalError("out of memory creating a JSON decoder")
        }
        self.native = native
    }

    /// Creates a decoder for source tables with at most one destination each; `nil` ignores a table's records.
    public convenience init(
        options: DebeziumJSONOptions = DebeziumJSONOptions(),
        resolve: @escaping (SourceTable) -> TableTarget?
    ) {
        self.init(options, routes: { source in resolve(source).map { [$0] } ?? [] })
    }

    deinit { weir_json_decoder_destroy(native) }

    /// Decodes every record of a batch. Throws only for errors that are not caused by a single record: a record outside
    /// the batch's arena, a target with columns of unsupported types, more text than a column can hold.
    public func decode(_ raw: RawBatch) throws(WeirError) -> DecodedBatch {
        if sources.count >= Self.sourcesMax {
            weir_json_decoder_forget_sources(native)
            sources = []
        }
        try read(raw)
        var notices = takeNotices(raw)
        while true {
            let questions = questions
            let doubts = questions.compactMap { doubt($0, raw) }
            let told = questions.filter { $0.verdict == WEIR_JSON_UNIT_TOLD }
            var held: [weir_json_question] = []
            if !doubts.isEmpty {
                guard try adoptStored(questions) else {
                    return finish(raw, notices + told.compactMap { notice($0) }, doubts)
                }
            } else if !told.isEmpty {
                held = try settle(told)
            } else {
                return finish(raw, notices + questions.compactMap { earlyNotice($0, raw) }, [])
            }
            // Read the batch again with the units found. Every pass reports truncates again.
            notices.removeAll { if case .truncated = $0 { true } else { false } }
            try read(raw)
            notices += takeNotices(raw) + held.compactMap { notice($0) }
        }
    }

    private func read(_ raw: RawBatch) throws(WeirError) {
        weir_json_decoder_begin(native)
        var next = 0
        var status = run(raw, from: &next)
        while status == WEIR_JSON_UNKNOWN_SOURCE {
            try bindUnknownSource(topic: raw.topic)
            status = run(raw, from: &next)
        }
        let location = "topic \(raw.topic), partition \(raw.partition)"
        switch status {
        case WEIR_JSON_DONE: break
        case WEIR_JSON_BAD_SLICE:
            throw WeirError(
                .corrupt,
                "record \(next) of the batch lies outside its arena of \(raw.arena.count) bytes",
                at: "\(location), offset \(raw.records[next].offset)"
            )
        case WEIR_JSON_TOO_LARGE:
            throw WeirError(
                .invalid,
                "a column of the batch would hold more than 2 GiB of text",
                at: location,
                advice: "read smaller batches"
            )
        default: throw WeirError(.outOfSpace, "no memory to decode a batch of \(raw.count) records", at: location)
        }
    }

    private func run(_ raw: RawBatch, from next: inout Int) -> weir_json_status {
        precondition(
            MemoryLayout<RawBatch.Record>.stride == MemoryLayout<weir_json_record>.stride,
            "the shim's record mirrors RawBatch.Record"
        )
        var topic = raw.topic
        return topic.withUTF8 { topic in
            topic.withMemoryRebound(to: CChar.self) { topic in
                raw.records.withMemoryRebound(to: weir_json_record.self) { records in
                    var batch = weir_json_batch(
                        arena: raw.arena.bytes.assumingMemoryBound(to: UInt8.self).baseAddress,
                        arena_count: raw.arena.count,
                        records: records.baseAddress,
                        record_count: records.count,
                        topic: topic.baseAddress,
                        topic_count: topic.count
                    )
                    return weir_json_decoder_run(native, &batch, &next)
                }
            }
        }
    }

    private func bindUnknownSource(topic: String) throws(WeirError) {
        let unknown = weir_json_decoder_unknown_source(native)
        let source = SourceTable(
            database: String(unknown.database),
            schema: String(unknown.schema),
            table: String(unknown.table),
            topic: topic
        )
        let targets = routes(source)
        let layout = targets.isEmpty ? nil : try layout(of: targets)
        let fields = layout.map { layouts[Int($0)].fields } ?? []
        let told = fields.map { $0.type.countsTime ? options.unit(of: $0, in: source) : nil }
        var units = told
        let times = fields.indices.filter { fields[$0].type.countsTime }
        if let keeper, !times.isEmpty {
            let known = try keeper.units(of: times.map { fields[$0].column(of: source) }, told: times.map { told[$0] })
            for (index, unit) in zip(times, known) { units[index] = unit }
        }
        let native = units.map { $0.map { weir_json_unit($0) } ?? WEIR_JSON_DERIVED }
        guard weir_json_decoder_bind(self.native, layout ?? -1, native, told.map { $0 != nil }) >= 0 else {
            throw WeirError(.outOfSpace, "no memory for another source table", at: source.identifier)
        }
        sources.append(Source(table: source, layout: layout))
    }

    // MARK: Units

    private var questions: [weir_json_question] {
        (0..<weir_json_decoder_counts(native).questions).map { weir_json_decoder_question(native, $0) }
    }

    private func column(of question: weir_json_question) -> SourceColumn? {
        let source = sources[Int(question.source)]
        return source.layout.map { layouts[Int($0)].fields[question.column].column(of: source.table) }
    }

    /// Nil if the values determine the unit.
    private func doubt(_ question: weir_json_question, _ raw: RawBatch) -> UnitDoubt? {
        let (unit, other) = (TimeUnit(question.unit), TimeUnit(question.other_unit))
        let reason: UnitDoubt.Reason
        switch (question.verdict, unit, other) {
        case (WEIR_JSON_UNIT_UNCLEAR, _, _): reason = .unclear
        case (WEIR_JSON_UNIT_MIXED, let unit?, let other?):
            reason = .mixed(unit, earlier: question.first_value, other)
        case (WEIR_JSON_UNIT_CONTRADICTED, let unit?, let other?): reason = .contradicted(unit, other)
        case (WEIR_JSON_UNIT_EARLY, let unit?, let other) where !question.is_told:
            reason = .early(unit, Self.larger(other))
        default: return nil
        }
        guard let column = column(of: question) else { return nil }
        let offset = raw.records[question.record].offset
        return UnitDoubt(column: column, reason: reason, value: question.value, offset: offset)
    }

    private static func larger(_ unit: TimeUnit?) -> LargerUnit { unit.map { .unit($0) } ?? .seconds }

    private func earlyNotice(_ question: weir_json_question, _ raw: RawBatch) -> DecoderNotice? {
        guard question.verdict == WEIR_JSON_UNIT_EARLY, let column = column(of: question),
            let unit = TimeUnit(question.unit), earlyColumns.insert(column).inserted
        else { return nil }
        let larger = Self.larger(TimeUnit(question.other_unit))
        let offset = raw.records[question.record].offset
        return .earlyTimes(column, unit, larger: larger, value: question.value, offset: offset)
    }

    private func notice(_ question: weir_json_question) -> DecoderNotice? {
        guard let column = column(of: question), let unit = TimeUnit(question.unit) else { return nil }
        return .derivedUnit(column, unit, value: question.value)
    }

    /// Sets the units that another process has stored meanwhile for columns whose values do not determine one.
    ///
    /// - Returns: whether there was any.
    private func adoptStored(_ questions: [weir_json_question]) throws(WeirError) -> Bool {
        guard let keeper else { return false }
        var open: [(question: weir_json_question, column: SourceColumn)] = []
        for question in questions
        where question.verdict == WEIR_JSON_UNIT_UNCLEAR || question.verdict == WEIR_JSON_UNIT_MIXED {
            if let column = column(of: question) { open.append((question, column)) }
        }
        if open.isEmpty { return false }
        var isAdopted = false
        for (open, unit) in zip(open, try keeper.stored(open.map(\.column))) {
            guard let unit else { continue }
            let question = open.question
            weir_json_decoder_set_unit(native, question.source, question.column, weir_json_unit(unit))
            isAdopted = true
        }
        return isAdopted
    }

    /// Sets the units that were derived from the values. If the keeper already has another unit, that one is used.
    ///
    /// - Returns: the columns whose derived unit is the one in use.
    private func settle(_ told: [weir_json_question]) throws(WeirError) -> [weir_json_question] {
        var found: [(column: SourceColumn, unit: TimeUnit)] = []
        for question in told {
            guard let column = column(of: question), let unit = TimeUnit(question.unit) else { continue }
            found.append((column, unit))
        }
        let units = try keeper?.keep(found) ?? found.map(\.unit)
        for (question, unit) in zip(told, units) {
            weir_json_decoder_set_unit(native, question.source, question.column, weir_json_unit(unit))
        }
        return zip(told, units).filter { $0.unit == weir_json_unit($1) }.map(\.0)
    }

    /// The number of the layout for the given targets; adds the layout to the shim on first use.
    private func layout(of targets: [TableTarget]) throws(WeirError) -> Int32 {
        let indices = targets.map(\.index)
        if let known = layouts.firstIndex(where: { $0.targets.map(\.index) == indices }) { return Int32(known) }
        let layout = try TableLayout(targets)
        let number = try layout.add(to: native)
        layouts.append(layout)
        return number
    }

    private func takeNotices(_ raw: RawBatch) -> [DecoderNotice] {
        (0..<weir_json_decoder_counts(native).notices).compactMap { index in
            let notice = weir_json_decoder_notice(native, index)
            let source = sources[Int(notice.source)]
            guard let number = source.layout else { return nil }
            let name = String(
                decoding: UnsafeRawBufferPointer(start: notice.name, count: notice.name_count),
                as: UTF8.self
            )
            let column = layouts[Int(number)].fields[notice.column]
            switch notice.kind {
            case WEIR_JSON_EXTRA_MEMBER: return .extraColumn(source.table, name: name)
            case WEIR_JSON_OTHER_CASE: return .otherCase(source.table, name: name, column: column.name)
            case WEIR_JSON_SHADOWED_CASE: return .shadowedCase(source.table, name: name, column: column.name)
            case WEIR_JSON_TRUNCATED: return .truncated(source.table, offset: raw.records[notice.record].offset)
            default: return nil
            }
        }
    }

    private func finish(_ raw: RawBatch, _ notices: [DecoderNotice], _ doubts: [UnitDoubt]) -> DecodedBatch {
        var decoded: [SourceChanges] = []
        for number in layouts.indices where doubts.isEmpty {
            let count = weir_json_decoder_rows(native, Int32(number))
            if count > 0 { decoded.append(take(Int32(number), count: count)) }
        }
        let counts = weir_json_decoder_counts(native)
        let rejected = (0..<counts.rejected).map { index in
            let rejection = weir_json_decoder_rejection(native, index)
            let reason = UnsafeRawBufferPointer(start: rejection.reason, count: rejection.reason_count)
            return RejectedRecord(
                raw.records[rejection.record],
                of: raw,
                reason: String(decoding: reason, as: UTF8.self),
                tables: tables(of: rejection),
                limit: options.rejectedBytes
            )
        }
        return DecodedBatch(
            sources: decoded,
            rejected: rejected,
            tombstones: Int(counts.tombstones),
            ignored: Int(counts.ignored),
            withoutRows: Int(counts.without_rows),
            notices: notices,
            doubts: doubts
        )
    }

    private func tables(of rejection: weir_json_rejection) -> [Int] {
        guard rejection.source >= 0, let number = sources[Int(rejection.source)].layout else { return [] }
        let targets = layouts[Int(number)].targets.map(\.index)
        return rejection.target < 0 ? targets : [targets[Int(rejection.target)]]
    }

    private func take(_ number: Int32, count: Int) -> SourceChanges {
        let layout = layouts[Int(number)]
        // Read the counts before taking the columns, which releases the shim's memory.
        let left = layout.targets.indices.map { Int(weir_json_decoder_left_out(native, number, $0)) }
        let columns = layout.fields.indices.map { index in
            let vector = weir_json_decoder_take_column(native, number, index)
            return ColumnVector(
                type: layout.fields[index].type,
                count: count,
                validity: NativeMemory.buffer(vector.validity),
                values: NativeMemory.buffer(vector.values) ?? .filled(count: 0) { _ in },
                bytes: NativeMemory.buffer(vector.bytes)
            )
        }
        let empty = Buffer.filled(count: 0) { _ in }
        let routes = layout.targets.indices.map { index in
            SourceChanges.Route(
                target: layout.targets[index],
                columns: layout.columns[index],
                kinds: NativeMemory.buffer(weir_json_decoder_take_kinds(native, number, index)) ?? empty,
                leftOutCount: left[index]
            )
        }
        return SourceChanges(
            columns: columns,
            offsets: NativeMemory.buffer(weir_json_decoder_take_offsets(native, number)) ?? empty,
            count: count,
            routes: routes
        )
    }
}

extension FieldType {
    /// Whether integers in the column represent a timestamp or a time of day.
    fileprivate var countsTime: Bool { self == .time || self == .timestamp || self == .timestamptz }
}

extension Field {
    fileprivate func column(of source: SourceTable) -> SourceColumn {
        SourceColumn(source: source, name: name, isTimeOfDay: type == .time)
    }
}

extension String {
    /// A name from the shim; nil if the envelope has none.
    fileprivate init?(_ name: weir_json_name) {
        guard let text = name.text else { return nil }
        self = String(decoding: UnsafeRawBufferPointer(start: text, count: name.count), as: UTF8.self)
    }
}
