/// When the oldest change of a commit reached each stage on its way into a table, milliseconds since 1970.
///
/// Stored in the snapshot summary of the commit, as `source,read,decoded,cut`. The time of the commit itself is the
/// snapshot's.
public struct StageTimes: Sendable, Equatable {
    public static let summaryKey = "weir.stage-times"

    /// The time of its record in the source; nil when the record has none.
    public var source: Int64?
    public var read: Int64
    public var decoded: Int64
    /// When the epoch ended: its files are closed and committed from then on.
    public var cut: Int64

    public init(source: Int64?, read: Int64, decoded: Int64, cut: Int64) {
        self.source = source
        self.read = read
        self.decoded = decoded
        self.cut = cut
    }

    /// How long the change took from its source until a commit at that time; nil when that is not known, or negative.
    public func visibleAfter(_ committed: Int64) -> Int64? {
        guard let source, committed >= source else { return nil }
        let (time, overflow) = committed.subtractingReportingOverflow(source)
        return overflow ? nil : time
    }

    public var text: String { [source ?? -1, read, decoded, cut].map(String.init).joined(separator: ",") }

    /// Nil for a text that is none.
    public init?(_ text: String) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Int64($0) }
        guard parts.count == 4, let source = parts[0], let read = parts[1], let decoded = parts[2], let cut = parts[3]
        else { return nil }
        self.init(source: source < 0 ? nil : source, read: read, decoded: decoded, cut: cut)
    }
}
