import Bytes
import IcebergFormat
import Values

/// What is remembered of the expired commits of main, so that its changes can be read for as long as their files are
/// there.
///
/// Stored as the table property `weir.expired-commits` by the commit that expires snapshots, in stores that changes are
/// read from:
/// `{"snapshot":7,"sequence":3,"removed":0,"rewritten":0,"kept":[5],"times":[[1700000000000,1],[1700000060000,3]]}`, and
/// `"unseen":0,"kept-rewrites":[[5,2]],"gaps":[[2,2]]` where there is such.
public struct ExpiredCommits: Sendable, Equatable {
    public static let property = "weir.expired-commits"

    /// The newest expired commit: the parent of the oldest one left.
    public private(set) var snapshotId: Int64
    public private(set) var sequence: Int64
    /// Files of commits up to this sequence number may have been removed. Those of all later ones are in the table, or
    /// were removed by commits that are left.
    public private(set) var removedUpTo: Int64
    /// The newest commit that did more than append, or that followed others that were rolled back, by sequence number; 0
    /// for none. Removing merged changes (`Snapshot.removedChangesUpTo`) is not counted: `removedUpTo` tells of it.
    public private(set) var rewrittenAt: Int64
    /// Snapshots of main up to the newest expired commit that are left: a tag or an open transaction keeps them. They are
    /// no ancestors any more, as far as parent ids tell.
    public private(set) var kept: [Int64]
    /// Of the commits that did more than append: those whose snapshots are left, so that what they did can be read. Oldest
    /// first.
    public private(set) var keptRewrites: [KeptRewrite]
    /// As `rewrittenAt`, but without those whose snapshots are left.
    public private(set) var unseenRewriteAt: Int64
    /// Sequence numbers between those of main, ascending: commits that were rolled back, or of branches. Only the newest
    /// are remembered.
    public private(set) var gaps: [ClosedRange<Int64>]
    /// Some of the commits with their times, oldest first: one a minute, and fewer of older ones.
    public private(set) var times: [Time]

    /// A commit that did more than append.
    public struct KeptRewrite: Sendable, Equatable {
        public let snapshotId: Int64
        public let sequence: Int64
    }

    public struct Time: Sendable, Equatable {
        /// Milliseconds since 1970.
        public let timestampMs: Int64
        public let sequence: Int64
    }

    private static let spacingMs: Int64 = 60_000
    /// Times lie apart by at most this share of their age, or the spacing: some hundreds for years of commits.
    private static let ageShare: Int64 = 64
    private static let timesMax = 4096
    private static let gapsMax = 256

    /// The newest of the remembered commits that was made before a time: all changes from then on come after it.
    public func last(before timestampMs: Int64) -> Time? { times.last { $0.timestampMs < timestampMs } }

    /// A time at which a commit had not been made yet; nil if none is remembered.
    public func time(before sequence: Int64) -> Int64? { times.last { $0.sequence <= sequence }?.timestampMs }

    /// The record of a table. Nil if it has none, or if others have expired more since.
    public init?(_ metadata: TableMetadata) { self.init(metadata, oldest: metadata.mainAncestors.last) }

    private init?(_ metadata: TableMetadata, oldest: Snapshot?) {
        guard let text = metadata.properties[Self.property], let oldest, let record = try? Self(json: text),
            oldest.parentId == record.snapshotId
        else { return nil }
        self = record
        let left = Set(metadata.snapshots.map(\.id))
        for rewrite in keptRewrites where !left.contains(rewrite.snapshotId) { noteUnseen(rewrite.sequence) }
        keptRewrites.removeAll { !left.contains($0.snapshotId) }
        noteGap(before: oldest)
    }

    private init(behind snapshot: Snapshot, removedUpTo: Int64) {
        snapshotId = snapshot.id
        sequence = snapshot.sequenceNumber
        self.removedUpTo = removedUpTo
        // What was before it is not known; format version 1 numbers nothing.
        rewrittenAt = snapshot.hasLostParent ? max(1, snapshot.sequenceNumber) : 0
        unseenRewriteAt = rewrittenAt
        keptRewrites = []
        gaps = []
        kept = []
        times = []
    }

    // MARK: - Recording

    /// Whether changes are read from a store with these properties: not from base where there is a change store.
    static func areKept(_ properties: [String: String]) -> Bool {
        properties["mixed-format.table-store"]?.lowercased() != "base"
            || (properties["mixed-format.primary-key-fields"] ?? "").isEmpty
    }

    /// The commits that did more than append and that one recording examines.
    private static let examinedMax = 16

    /// The record after snapshots have expired.
    ///
    /// - Parameters:
    ///   - expiry: reduced to what can be examined at once.
    ///   - removedBy: the greatest data sequence number of the files that a snapshot removed; nil if it cannot be told.
    /// - Returns: nil if the expiry concerns no commit of main.
    static func recorded(
        _ metadata: TableMetadata,
        _ expiry: inout SnapshotExpiry,
        removedBy: (Snapshot) throws(WeirError) -> Int64?
    ) throws(WeirError) -> ExpiredCommits? {
        let gone = Set(expiry.snapshots)
        let line = metadata.mainAncestors
        guard let first = line.firstIndex(where: { gone.contains($0.id) }), let oldest = line.last else { return nil }
        let begin = oldest.hasLostParent ? oldest.sequenceNumber.addingClamped(-1) : 0
        var record = ExpiredCommits(metadata, oldest: oldest) ?? ExpiredCommits(behind: oldest, removedUpTo: begin)
        var examined = 0
        // As of the newest commit that has expired: a later recording goes on behind it. Nil until there is one.
        var cut: ExpiredCommits?
        for index in (first..<line.count).reversed() {
            let snapshot = line[index]
            if snapshot.operation != SnapshotOperation.append.rawValue {
                examined += 1
                if examined > examinedMax, let cut {
                    // This one and all newer ones wait for the next commit.
                    let left = Set(line[...index].map(\.id))
                    expiry.snapshots.removeAll { left.contains($0) }
                    record = cut
                    break
                }
                let removed = try removedBy(snapshot) ?? snapshot.sequenceNumber
                if removed > snapshot.removedChangesUpTo ?? -1 {
                    record.rewrittenAt = max(record.rewrittenAt, snapshot.sequenceNumber)
                    if gone.contains(snapshot.id) {
                        record.noteUnseen(snapshot.sequenceNumber)
                    } else {
                        record.keptRewrites.append(
                            KeptRewrite(snapshotId: snapshot.id, sequence: snapshot.sequenceNumber)
                        )
                    }
                }
                record.removedUpTo = max(record.removedUpTo, removed)
            }
            record.noteGap(before: snapshot)
            record.snapshotId = snapshot.id
            record.sequence = snapshot.sequenceNumber
            record.add(Time(timestampMs: snapshot.timestampMs, sequence: snapshot.sequenceNumber))
            if gone.contains(snapshot.id) { cut = record } else { record.kept.append(snapshot.id) }
        }
        let lost = record.keptRewrites.filter { gone.contains($0.snapshotId) }
        for rewrite in lost { record.noteUnseen(rewrite.sequence) }
        record.keptRewrites.removeAll { gone.contains($0.snapshotId) }
        record.gaps = record.gaps.suffix(gapsMax)
        if !record.kept.isEmpty {
            let left = Set(metadata.snapshots.map(\.id)).subtracting(expiry.snapshots)
            record.kept.removeAll { !left.contains($0) }
        }
        return record
    }

    /// Numbers that are missing are of commits that were rolled back, or of branches.
    private mutating func noteGap(before next: Snapshot) {
        if next.id != snapshotId, next.sequenceNumber != sequence.addingClamped(1) {
            rewrittenAt = max(rewrittenAt, next.sequenceNumber)
            noteUnseen(next.sequenceNumber)
            let (first, last) = (sequence.addingClamped(1), next.sequenceNumber.addingClamped(-1))
            if first <= last, gaps.last != first...last { gaps.append(first...last) }
        }
    }

    private mutating func noteUnseen(_ sequence: Int64) { unseenRewriteAt = max(unseenRewriteAt, sequence) }

    /// Whether a number is known to be of no commit of main.
    func isElsewhere(_ number: Int64) -> Bool { gaps.contains { $0.contains(number) } }

    private mutating func add(_ time: Time) {
        if let last = times.last {
            guard time.sequence > last.sequence, time.timestampMs >= last.timestampMs.addingClamped(Self.spacingMs)
            else {
                return
            }
        }
        times.append(time)
        if times.count > 2 { thin(newest: time.timestampMs) }
    }

    /// Drops times that lie close together for their age, and those of removed files but the newest.
    private mutating func thin(newest: Int64) {
        if let needed = times.lastIndex(where: { $0.sequence <= removedUpTo }) { times.removeFirst(needed) }
        var kept: [Time] = []
        for (index, time) in times.enumerated() {
            guard let last = kept.last, index < times.count - 1 else {
                kept.append(time)
                continue
            }
            let age = max(0, newest.subtractingClamped(time.timestampMs))
            let next = times[index + 1]
            // Dropping this one must not leave a gap that is too wide.
            if next.timestampMs.subtractingClamped(last.timestampMs) > age / Self.ageShare { kept.append(time) }
        }
        times = kept.suffix(Self.timesMax)
    }

    // MARK: - JSON

    init(json text: String) throws(WeirError) {
        guard let object = try JSONValue.parse(text).asObject else {
            throw WeirError(.corrupt, "property \(Self.property) is no object")
        }
        snapshotId = try object.long("snapshot")
        sequence = try object.long("sequence")
        removedUpTo = try object.long("removed")
        rewrittenAt = try object.long("rewritten")
        kept = (object["kept"]?.asArray ?? []).compactMap(\.asInteger)
        unseenRewriteAt = try object.optionalLong("unseen") ?? rewrittenAt
        keptRewrites = try Self.pairs(object["kept-rewrites"]).map { KeptRewrite(snapshotId: $0, sequence: $1) }
        gaps = try Self.pairs(object["gaps"]).filter { $0 <= $1 }.map { $0...$1 }
        times = try Self.pairs(.array(object.array("times"))).map { Time(timestampMs: $0, sequence: $1) }
    }

    private static func pairs(_ value: JSONValue?) throws(WeirError) -> [(Int64, Int64)] {
        try (value?.asArray ?? []).map { (value) throws(WeirError) in
            guard let pair = value.asArray, pair.count == 2, let first = pair[0].asInteger,
                let second = pair[1].asInteger
            else { throw WeirError(.corrupt, "property \(Self.property) has an entry that is no pair of numbers") }
            return (first, second)
        }
    }

    var json: String {
        var object: JSONObject = [
            "snapshot": .integer(snapshotId), "sequence": .integer(sequence), "removed": .integer(removedUpTo),
            "rewritten": .integer(rewrittenAt), "kept": .array(kept.map { .integer($0) }),
            "times": Self.json(times.map { ($0.timestampMs, $0.sequence) }),
        ]
        if unseenRewriteAt != rewrittenAt { object["unseen"] = .integer(unseenRewriteAt) }
        if !keptRewrites.isEmpty {
            object["kept-rewrites"] = Self.json(keptRewrites.map { ($0.snapshotId, $0.sequence) })
        }
        if !gaps.isEmpty { object["gaps"] = Self.json(gaps.map { ($0.lowerBound, $0.upperBound) }) }
        return JSONValue.object(object).text
    }

    private static func json(_ pairs: [(Int64, Int64)]) -> JSONValue {
        .array(pairs.map { .array([.integer($0), .integer($1)]) })
    }
}
