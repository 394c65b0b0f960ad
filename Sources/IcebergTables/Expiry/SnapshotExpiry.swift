import IcebergFormat
import Values

/// Which snapshots, branches and tags of a table expire: a decision from its metadata, with the rules of Iceberg's
/// `expire_snapshots` and a bound on their number.
///
/// Of each branch an unbroken line of newest snapshots stays. Tags keep their snapshot, and consumers those that they
/// need to go on. Snapshots that no branch has,
/// such as those that were rolled back, stay as long as others of their age.
public struct SnapshotExpiry: Sendable, Equatable {
    /// Ids, oldest first.
    public internal(set) var snapshots: [Int64] = []
    /// Names of branches and tags.
    public private(set) var references: [String] = []

    /// What one commit removes at most, so that a table with a long history is not cut down at once.
    static let snapshotsMax = 1000
    /// Amoro's and Weir's marks of base snapshots that say what base holds of the change store.
    private static let sequenceMarks = ["optimized-sequence.exist", "weir.optimized-sequence.exist"]
    /// Begins a transaction of an engine that may be at work for so long (`OpenTransaction`).
    /// It stays longer, so that a clock that is set wrong for a while does not lose it.
    private static let begin = (key: "tx.begin.signature", ageMs: Int64(3 * 60 * 60_000))

    /// - Parameter adding: snapshots that main gets in the same commit.
    public init(_ metadata: TableMetadata, _ retention: SnapshotRetention, adding: Int = 0, nowMs: Int64) {
        guard retention.isEnabled, !metadata.snapshots.isEmpty else { return }
        let pinned = ConsumerPins.snapshots(metadata, nowMilliseconds: nowMs)
        if let line = Self.onlyLine(of: metadata), let main = metadata.references[TableMetadata.mainBranch] {
            let count = Self.count(line, main, retention, adding: adding, nowMs)
            take(line.dropFirst(max(count, adding == 0 ? 1 : 0)), pinned: pinned, nowMs)
            return
        }
        var kept: Set<Int64> = []
        var reached: Set<Int64> = []
        for (name, reference) in metadata.references.sorted(by: { $0.key < $1.key }) {
            let isMain = name == TableMetadata.mainBranch
            guard let head = metadata.snapshot(id: reference.snapshotId) else { continue }
            let age = reference.maxReferenceAgeMs ?? retention.referenceAgeMs
            if !isMain, Self.isOlder(head, than: age, nowMs) {
                references.append(name)
                continue
            }
            if reference.isTag {
                kept.insert(head.id)
                reached.insert(head.id)
                continue
            }
            let line = metadata.ancestors(of: head.id)
            reached.formUnion(line.map(\.id))
            let count = Self.count(line, reference, retention, adding: isMain ? adding : 0, nowMs)
            kept.formUnion(line.prefix(count).map(\.id))
            // The head of a branch is never removed, whatever the numbers say.
            if !isMain || adding == 0 { kept.insert(head.id) }
        }
        if reached.count < metadata.snapshots.count {
            // The newest ones, since a table that is rolled back again and again has many.
            let loose = metadata.snapshots.filter {
                !reached.contains($0.id) && !Self.isOlder($0, than: retention.ageMs, nowMs)
            }
            kept.formUnion(loose.sorted(by: Self.isBefore).suffix(retention.countMax).map(\.id))
        }
        take(metadata.snapshots.filter { !kept.contains($0.id) }, pinned: pinned, nowMs)
    }

    private mutating func take(
        _ gone: some Sequence<Snapshot>,
        pinned: Set<Int64>,
        _ nowMs: Int64
    ) {
        let gone = gone.filter { !Self.isBeginning($0, nowMs) && !pinned.contains($0.id) }
        snapshots = gone.sorted(by: Self.isBefore).prefix(Self.snapshotsMax).map(\.id)
    }

    /// The snapshots of a table that has those of main and no other branch or tag, newest first. Most tables are like
    /// that at every commit, which then needs no sets of ids.
    private static func onlyLine(of metadata: TableMetadata) -> [Snapshot]? {
        guard metadata.references.count == 1, metadata.references[TableMetadata.mainBranch] != nil else { return nil }
        let line = metadata.mainAncestors
        return line.count == metadata.snapshots.count ? line : nil
    }

    /// Whether a transaction that began at the snapshot may be at work.
    private static func isBeginning(_ snapshot: Snapshot, _ nowMs: Int64) -> Bool {
        snapshot.summary[begin.key] != nil
            && nowMs.subtractingClamped(snapshot.timestampMs).magnitude <= UInt64(begin.ageMs)
    }

    public var isEmpty: Bool { snapshots.isEmpty && references.isEmpty }

    /// How many snapshots of a branch stay, from the newest on.
    private static func count(
        _ line: [Snapshot],
        _ reference: SnapshotReference,
        _ retention: SnapshotRetention,
        adding: Int,
        _ nowMs: Int64
    ) -> Int {
        let countMin = reference.minSnapshotsToKeep ?? retention.countMin
        let ageMs = reference.maxSnapshotAgeMs ?? retention.ageMs
        let expired = line.indices.first { index in
            let place = index.addingReportingOverflow(adding).partialValue
            return place >= countMin
                && (place >= max(countMin, retention.countMax) || isOlder(line[index], than: ageMs, nowMs))
        }
        guard let expired else { return line.count }
        // Base can be rolled back only to a snapshot that says, or whose ancestors say, what it holds of the changes.
        // The commit itself need not say it, however old the newest snapshot that does.
        let marked = line[max(0, expired - 1)...].prefix(retention.countMax).firstIndex { snapshot in
            sequenceMarks.contains { snapshot.summary[$0] != nil }
        }
        return marked.map { max(expired, $0 + 1) } ?? expired
    }

    private static func isOlder(_ snapshot: Snapshot, than ageMs: Int64, _ nowMs: Int64) -> Bool {
        isOlder(snapshot.timestampMs, than: ageMs, nowMs)
    }

    static func isOlder(_ timestampMs: Int64, than ageMs: Int64, _ nowMs: Int64) -> Bool {
        let (age, overflow) = nowMs.subtractingReportingOverflow(timestampMs)
        return overflow ? nowMs > timestampMs : age > ageMs
    }

    private static func isBefore(_ left: Snapshot, _ right: Snapshot) -> Bool {
        (left.sequenceNumber, left.timestampMs) < (right.sequenceNumber, right.timestampMs)
    }
}
