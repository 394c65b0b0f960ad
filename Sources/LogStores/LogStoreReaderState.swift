/// The position of a reader of one log store partition. Saved together with the returned rows, it lets another reader
/// continue exactly after them (mixed format, section 8.6).
public struct LogStoreReaderState: Codable, Equatable, Sendable {
    /// A retraction in progress.
    struct Retraction: Codable, Equatable, Sendable {
        var upstream: UpstreamID
        /// Rows of higher epochs are retracted …
        var epoch: Int64
        /// … up to this one: an earlier flip found while reading back has already retracted the rows above it.
        var epochMax: Int64
        /// The flip's offset.
        var flip: Int64
        /// The first offset whose row may have to be retracted.
        var stop: Int64
        /// Rows from this offset on are done.
        var cursor: Int64
    }

    /// The offset of the next record to read, after the retraction in progress, if any.
    public internal(set) var next: Int64
    /// For each upstream, epochs up to the given one are skipped, because the caller has their rows from elsewhere.
    public internal(set) var startAfter: [UpstreamID: Int64]
    var starts = EpochStarts()
    /// Single-use writers whose flip was read, newest last. Rows such a writer sends later, because it was paused while
    /// another took over, are not changes of the table.
    var ended: [UpstreamID] = []
    var retraction: Retraction?

    /// A reader that begins at an offset. Rows before it are never retracted.
    ///
    /// - Parameters:
    ///   - offset: with `startAfter`, the partition's end when those epochs had been flushed. An earlier offset is
    ///     allowed, but not before the last flip before that end: rows retracted by the flip may depend on rows skipped
    ///     here.
    ///   - startAfter: for each upstream the last epoch to skip, such as the one whose commit wrote the rows to files
    ///     that the caller has read.
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

    /// Whether a retraction is in progress.
    public var isRetracting: Bool { retraction != nil }
}
