/// The stages of a change on its way from the source into base, in order. A stage lasts from the end of the one before.
public enum FreshnessStage: String, Sendable, CaseIterable {
    /// From the time of the source record until it is read.
    case read
    case decoded
    /// Until the epoch ends.
    case cut
    /// Until readers of the table see it.
    case committed
    /// Until readers of base see it.
    case inBase = "in base"
}

extension Freshness.Commit {
    /// How long the oldest change of the commit took for each stage, as far as is known. Negative when clocks disagree.
    public var durations: [FreshnessStage: Int64] {
        var found: [FreshnessStage: Int64] = [:]
        if let times {
            if let source = times.source { found[.read] = Self.difference(times.read, source) }
            found[.decoded] = Self.difference(times.decoded, times.read)
            found[.cut] = Self.difference(times.cut, times.decoded)
            found[.committed] = Self.difference(committed, times.cut)
        }
        if let inBase { found[.inBase] = Self.difference(inBase, committed) }
        return found
    }

    /// From the time of the source record until readers of the table see it.
    public var visibleAfter: Int64? { times?.visibleAfter(committed) }

    /// Times of records may be anything.
    private static func difference(_ later: Int64, _ earlier: Int64) -> Int64? {
        let (difference, overflow) = later.subtractingReportingOverflow(earlier)
        return overflow ? nil : difference
    }
}

extension Freshness {
    /// The time from one to another, at least 0. Times of metadata may be anything.
    public static func span(from earlier: Int64, to later: Int64) -> Int64 {
        let (difference, overflow) = later.subtractingReportingOverflow(earlier)
        return overflow ? (later > earlier ? .max : 0) : max(0, difference)
    }

    /// The median time of each stage over the commits of which it is known.
    public var medians: [FreshnessStage: Int64] {
        var all: [FreshnessStage: [Int64]] = [:]
        for commit in commits { for (stage, time) in commit.durations { all[stage, default: []].append(time) } }
        return all.mapValues { times in times.sorted()[times.count / 2] }
    }
}
