import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import Values

/// Tags that a table gets by itself, one for each day, hour or month (spec section 10.8): the properties `tag.auto-create.*`.
public struct AutoTags: Sendable {
    enum Period: String, Sendable {
        case hourly, daily, monthly

        var component: Calendar.Component {
            switch self {
            case .hourly: .hour
            case .daily: .day
            case .monthly: .month
            }
        }

        var format: String {
            switch self {
            case .hourly: "'tag-'yyyyMMddHH"
            case .daily: "'tag-'yyyyMMdd"
            case .monthly: "'tag-'yyyyMM"
            }
        }
    }

    let period: Period
    let offsetMs: Int64
    let longestDelayMs: Int64
    /// Nil for tags that stay for ever.
    let maxAgeMs: Int64?
    let format: DateTimePattern

    /// Nil if the table gets none. Fails with `invalid` for values that cannot be used.
    public init?(_ properties: [String: String], of identifier: TableIdentifier) throws(WeirError) {
        var reader = PropertyReader(properties)
        guard reader.flag("tag.auto-create.enabled") ?? false else { return nil }
        let period = reader.value("tag.auto-create.trigger.period") { Period(rawValue: $0.lowercased()) } ?? .daily
        func minutes(_ name: String) -> Int64? {
            reader.value(name) { text in
                Int64(text).flatMap { $0 >= 0 ? $0.multipliedReportingOverflow(by: 60_000) : nil }
                    .flatMap { $0.overflow ? nil : $0.partialValue }
            }
        }
        offsetMs = minutes("tag.auto-create.trigger.offset.minutes") ?? 0
        longestDelayMs = minutes("tag.auto-create.trigger.max-delay.minutes") ?? 60 * 60_000
        maxAgeMs = reader.long("tag.auto-create.max-age-ms").flatMap { $0 > 0 ? $0 : nil }
        let format =
            reader.value("tag.auto-create.tag-format") { DateTimePattern($0) } ?? DateTimePattern(period.format)
        self.period = period
        guard reader.refused.isEmpty, let format else {
            throw WeirError(
                .invalid,
                "'\(identifier)' cannot be tagged: '\(reader.refused.first ?? "tag.auto-create.tag-format")' has no value of its kind",
                advice: "docs/table-properties.md lists its values"
            )
        }
        self.format = format
    }

    struct Tag: Sendable, Equatable {
        let name: String
        let snapshot: Snapshot
    }

    /// The tag that is due: that of the period that ended last, at the first snapshot after its end. Nil if it is there
    /// already, or no snapshot came in time.
    ///
    /// - Parameter snapshots: oldest first.
    func due(_ snapshots: [Snapshot], tags: Set<String>, zone: TimeZone, nowMs: Int64) -> Tag? {
        let calendar = DateTimePattern.calendar(zone)
        let shifted = Date(timeIntervalSince1970: Double(nowMs.subtractingClamped(offsetMs)) / 1000)
        guard let end = calendar.dateInterval(of: period.component, for: shifted)?.start,
            let begin = calendar.date(byAdding: period.component, value: -1, to: end)
        else { return nil }
        let name = format.text(Int64(begin.timeIntervalSince1970 * 1000), in: zone)
        let trigger = Int64(end.timeIntervalSince1970 * 1000).addingClamped(offsetMs)
        guard !tags.contains(name), let first = snapshots.first(where: { $0.timestampMs >= trigger }),
            first.timestampMs <= trigger.addingClamped(longestDelayMs)
        else { return nil }
        // Some before it may have expired, and one of them may be the first.
        let isFirst = snapshots.contains { $0.timestampMs < trigger } || !first.hasLostParent
        guard isFirst else { return nil }
        return Tag(name: name, snapshot: first)
    }

    /// Gives a table the tag that is due, and returns its name. A keyed table gets it on both of its stores: on the change
    /// store, and on base as it was then.
    public static func run(_ table: MixedTable, zone: TimeZone = .current, nowMs: Int64) throws(WeirError) -> String? {
        let table = try table.refreshed()
        guard let settings = try AutoTags(table.properties, of: table.identifier),
            let tag = settings.due(table, zone, nowMs)
        else { return nil }
        var snapshots = [(table.ingestStore, tag.snapshot)]
        if table.isKeyed, let base = table.base.metadata.snapshot(asOf: tag.snapshot.timestampMs) {
            snapshots.append((table.base, base))
        }
        try TableReferences.create(
            tag.name,
            snapshots.map { ($0.0, SnapshotReference(tag: $0.1.id, maxAgeMs: settings.maxAgeMs)) }
        )
        return tag.name
    }

    /// The name of the tag that `run` would create.
    public static func due(_ table: MixedTable, zone: TimeZone = .current, nowMs: Int64) throws(WeirError) -> String? {
        try AutoTags(table.properties, of: table.identifier)?.due(table, zone, nowMs)?.name
    }

    private func due(_ table: MixedTable, _ zone: TimeZone, _ nowMs: Int64) -> Tag? {
        let metadata = table.ingestStore.metadata
        return due(
            metadata.mainAncestors.reversed(),
            tags: Set(metadata.references.keys),
            zone: zone,
            nowMs: nowMs
        )
    }
}
