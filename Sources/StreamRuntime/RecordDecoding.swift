import Bytes
import ChangeEvents
import EventDecoders
import EventLog

/// Decodes the records of a run's sources, and applies routes, projections and filters.
///
/// ```
/// RawBatch ─> decode once ─> columns of the source tables ─> route, in log order ─> project, filter ─> batches
/// ```
/// Lives as long as the run, since what decoders have learnt about their sources is valid for all of it. Used by the
/// reading thread, or before it starts.
final class RecordDecoding {
    private let plan: IngestPlan
    private let notices: RecordNotices
    private let units: KeptUnits
    /// By source.
    private var decoders: [Int: any EventDecoder] = [:]
    /// Source tables in the current batch that no route matches.
    private let unrouted = SourceTables()

    init(_ plan: IngestPlan, _ notices: RecordNotices) {
        self.plan = plan
        self.notices = notices
        units = KeptUnits(plan)
    }

    /// Begins a generation, and resets the decoders if its tables have other units than were known.
    func begin(_ sinks: [SinkTable]) throws(WeirError) {
        if try units.begin(sinks) { decoders = [:] }
    }

    /// The result of decoding a batch of one partition.
    struct Decoded {
        var batches: [(target: Int, batch: ChangeBatch)] = []
        /// In the order of their records.
        var letters: [DeadLetter] = []
        /// Records of source tables that no route matches, and the identifiers of those that are new.
        var unrouted = 0
        var unroutedTables: Set<String> = []
        /// Records without a row change: tombstones, and the source's own records.
        var tombstones = 0
        var withoutRows = 0
        /// New rows that a filter left out.
        var filtered = 0
    }

    func decode(_ raw: RawBatch, source: Int) throws(WeirError) -> Decoded {
        unrouted.identifiers = []
        let found = try decoder(of: source).decode(raw)
        if let doubt = found.doubts.first { throw doubt.error(in: raw) }
        notices.tell(found.notices, in: raw)
        notices.tell(unrouted: unrouted.identifiers, in: raw)
        var result = Decoded()
        result.unrouted = found.ignored
        result.unroutedTables = unrouted.identifiers
        result.tombstones = found.tombstones
        result.withoutRows = found.withoutRows
        for record in found.rejected { result.letters += DeadLetter.letters(record) { plan.targets[$0].name } }
        let limit = plan.sources[source].options.rejectedBytes
        for (index, batch) in found.changes {
            let target = plan.targets[index]
            guard let transform = target.transform else {
                result.batches.append((index, batch))
                continue
            }
            let (rows, failures, filtered) = try transform.apply(batch, isKeyed: target.table.isKeyed)
            result.filtered += filtered
            result.letters += failures.map { DeadLetter($0, raw: raw, table: target.name, limit: limit) }
            if rows.count > 0 { result.batches.append((index, rows)) }
        }
        result.letters.sort { $0.offset < $1.offset }
        return result
    }

    private func decoder(of source: Int) -> any EventDecoder {
        if let decoder = decoders[source] { return decoder }
        let (plan, unrouted) = (plan, unrouted)
        let decoder = DebeziumJSONDecoder(plan.sources[source].options, units: units) { table in
            let targets = plan.route(table.identifier)
            if targets.isEmpty { unrouted.identifiers.insert(table.identifier) }
            return targets.map { index in
                let target = plan.targets[index]
                return TableTarget(index: index, schema: target.sourceSchema, primaryKey: target.primaryKey)
            }
        }
        decoders[source] = decoder
        return decoder
    }
}
