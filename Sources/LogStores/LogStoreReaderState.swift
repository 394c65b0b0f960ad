/// Where a reader of one log store partition stands: saved with the rows it returned, it lets another go on exactly
/// behind them (mixed format, section 8.6).
public struct LogStoreReaderState: Codable, Equatable, Sendable {
    /// Rows being taken back.
    struct Retraction: Codable, Equatable, Sendable {
        var upstream: UpstreamID
        /// Rows of higher epochs are taken back …
        var epoch: Int64
        /// … but not those above this one: an earlier flip, found on the way back, has taken them back already.
        var epochMax: Int64
        /// The flip's offset.
        var flip: Int64
        /// The first offset whose row may have to be taken back.
        var stop: Int64
        /// Rows from here on are done.
        var cursor: Int64
    }

    /// The offset of the next record to read; rows being taken back come first.
    public internal(set) var next: Int64
    /// Epochs of these upstreams up to the given one are left out, because the reader's caller has them from elsewhere.
    public internal(set) var startAfter: [UpstreamID: Int64]
    var starts = EpochStarts()
    /// Writers whose only flip was met, the newest last: what one of them sends later, having been paused while another
    /// took over, is no change of the table.
    var ended: [UpstreamID] = []
    var retraction: Retraction?

    /// A reader that begins at an offset. Rows in front of it are never taken back.
    ///
    /// - Parameters:
    ///   - offset: with `startAfter`, the partition's end when those epochs had been flushed; or an earlier one, but
    ///     none in front of the last flip before that: rows that it took back may build upon rows left out here.
    ///   - startAfter: for each upstream the last epoch whose rows are not wanted, such as the one whose commit put the
    ///     rows into files that the caller has read.
    public init(offset: Int64, startAfter: [UpstreamID: Int64] = [:]) {
        next = offset
        self.startAfter = startAfter
    }

    private static let endedMax = 64

    mutating func end(_ upstream: UpstreamID) {
        guard upstream.isSingleUse, !ended.contains(upstream) else { return }
        ended.append(upstream)
        if ended.count > Self.endedMax { ended.removeFirst() }
    }

    /// Whether the reader is in the middle of taking rows back.
    public var isRetracting: Bool { retraction != nil }
}
