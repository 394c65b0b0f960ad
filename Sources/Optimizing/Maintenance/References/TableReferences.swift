import Bytes
import IcebergFormat
import IcebergTables
import MixedTables

/// Branches and tags of a table. A keyed table has them on one of its stores, or on both, where they belong together.
public enum TableReferences {
    public enum Kind: String, Sendable { case tag, branch }

    /// A branch or tag of one store.
    public struct Entry: Sendable {
        public let name: String
        public let kind: Kind
        public let store: Table
        public let reference: SnapshotReference
    }

    /// By name, base first.
    public static func all(of table: MixedTable) -> [Entry] {
        stores(of: table).flatMap { store in
            store.metadata.references.map { name, reference in
                Entry(name: name, kind: reference.isTag ? .tag : .branch, store: store, reference: reference)
            }
        }.sorted {
            ($0.name, $0.store.identifier == table.base.identifier ? 0 : 1)
                < ($1.name, $1.store.identifier == table.base.identifier ? 0 : 1)
        }
    }

    private static func stores(of table: MixedTable) -> [Table] { [table.base] + (table.change.map { [$0] } ?? []) }

    /// Creates a branch or tag and returns the snapshots it is at.
    ///
    /// - Parameters:
    ///   - state: a snapshot's id, or the name of a branch or tag; nil for the newest state of the table. A state of the
    ///     change store comes with the base that belongs to it; a snapshot of base is taken alone.
    ///   - retainMs: how long it stays; nil for as long as `history.expire.max-ref-age-ms` says.
    @discardableResult
    public static func create(
        _ kind: Kind,
        _ name: String,
        of table: MixedTable,
        at state: String?,
        retainMs: Int64?
    ) throws(WeirError) -> [(store: Table, snapshotId: Int64)] {
        try check(name, of: table)
        let point =
            try state.map { (name) throws(WeirError) in try ReadPoint(named: name, of: table) }
            ?? ReadPoint(current: table)
        var places: [(store: Table, snapshotId: Int64)] = []
        if let id = point.baseSnapshotId { places.append((table.base, id)) }
        if let change = table.change, let id = point.changeSnapshotId { places.append((change, id)) }
        guard !places.isEmpty else {
            throw WeirError(
                .invalid,
                "'\(table.identifier)' has no snapshot yet that a \(kind) could be at",
                advice: "write to it first"
            )
        }
        try create(
            name,
            places.map { place in
                let id = place.snapshotId
                return (
                    place.store,
                    kind == .tag
                        ? SnapshotReference(tag: id, maxAgeMs: retainMs)
                        : SnapshotReference(branch: id, maxAgeMs: retainMs)
                )
            }
        )
        return places
    }

    /// Creates a branch or tag on several stores at once.
    static func create(_ name: String, _ places: [(Table, SnapshotReference)]) throws(WeirError) {
        var transaction = MultiTableTransaction()
        for (store, reference) in places {
            var one = Transaction(store)
            one.retryPatiently()
            one.update { (metadata) throws(WeirError) in
                guard metadata.references[name] == nil else {
                    throw WeirError(
                        .alreadyExists,
                        "'\(store.identifier)' has a branch or tag '\(name)' already",
                        advice: "drop it first, or choose another name"
                    )
                }
                guard metadata.snapshot(id: reference.snapshotId) != nil else {
                    throw WeirError(
                        .notFound,
                        "snapshot \(reference.snapshotId) of '\(store.identifier)' has expired meanwhile",
                        advice: "choose a newer one"
                    )
                }
                return [.setReference(name: name, reference)]
            }
            transaction.add(one)
        }
        _ = try transaction.commit()
    }

    /// Removes a branch or tag from every store that has it, and returns these stores.
    @discardableResult
    public static func drop(_ kind: Kind, _ name: String, of table: MixedTable) throws(WeirError) -> [Table] {
        guard name != TableMetadata.mainBranch else {
            throw WeirError(.invalid, "branch 'main' is the table's state and cannot be dropped")
        }
        if name.hasPrefix(Consumer.tagName("")) {
            throw WeirError(
                .invalid,
                "'\(name)' keeps what a consumer reads",
                advice:
                    "drop the consumer: weir consumer drop \(table.identifier) \(name.dropFirst(Consumer.tagName("").count))"
            )
        }
        let found = all(of: table).filter { $0.name == name }
        guard !found.isEmpty else {
            let known = all(of: table).filter { $0.kind == kind && $0.name != TableMetadata.mainBranch }.map(\.name)
            throw WeirError(
                .notFound,
                "table \(table.identifier) has no \(kind) '\(name)'",
                advice: NearestName.advice(for: name, among: Set(known).sorted()) ?? "it has none"
            )
        }
        if let other = found.first(where: { $0.kind != kind }) {
            throw WeirError(
                .invalid,
                "'\(name)' of \(table.identifier) is a \(other.kind), not a \(kind)",
                advice: "weir table \(other.kind) drop \(table.identifier) \(name)"
            )
        }
        var transaction = MultiTableTransaction()
        for entry in found {
            var one = Transaction(entry.store)
            one.retryPatiently()
            one.update { (metadata) throws(WeirError) in
                metadata.references[name] == nil ? [] : [.removeReference(name: name)]
            }
            transaction.add(one)
        }
        _ = try transaction.commit()
        return found.map(\.store)
    }

    private static func check(_ name: String, of table: MixedTable) throws(WeirError) {
        let isPlain =
            !name.isEmpty && !name.contains(where: { $0.isWhitespace || $0.isNewline }) && !name.hasPrefix("-")
        guard !name.hasPrefix("weir-consumer-") else {
            throw WeirError(
                .invalid,
                "'\(name)' is a name that consumers of changes pin what they read by",
                advice: "choose one that does not begin with weir-consumer-"
            )
        }
        guard isPlain, Int64(name) == nil else {
            throw WeirError(
                .invalid,
                "'\(name)' is no name for a branch or tag",
                advice: "use letters, digits and signs without blanks; a number would be taken for a snapshot"
            )
        }
    }
}
