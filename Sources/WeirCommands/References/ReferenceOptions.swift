import ArgumentParser
import Bytes
import IcebergFormat
import IcebergTables
import MixedTables
import Optimizing
import Values

/// What creating a branch or a tag takes.
struct ReferenceCreation: ParsableArguments {
    @OptionGroup var reference: ReferenceName

    @Option(help: "The id of a snapshot, or the name of a branch or tag (default: the newest state).")
    var snapshot: String?

    @Option(help: "How long after its snapshot was made it stays, such as 30d.")
    var retain: String?

    func validate() throws {
        if let retain, (FlinkDuration.milliseconds(retain) ?? 0) <= 0 {
            throw ValidationError("'\(retain)' is no value of --retain\nwrite a duration such as 30d or 12h")
        }
    }

    func run(_ kind: TableReferences.Kind, _ options: WarehouseOptions, _ output: OutputOptions) throws {
        let table = try options.locations().table(reference.table)
        let places = try TableReferences.create(
            kind,
            reference.name,
            of: table,
            at: snapshot,
            retainMs: retain.flatMap { FlinkDuration.milliseconds($0) }
        )
        guard output.format == .table else {
            return try ReferenceListing.print(kind, named: reference.name, of: try table.refreshed(), output)
        }
        let words = places.map { "\(ReferenceListing.word($0.store, of: table)) at snapshot \($0.snapshotId)" }
        output.talk.note("created \(kind) '\(reference.name)' of \(table.identifier): \(words.joined(separator: ", "))")
    }
}

/// A branch or tag by name.
struct ReferenceName: ParsableArguments {
    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @Argument(help: "The name.")
    var name: String

    func drop(_ kind: TableReferences.Kind, _ options: WarehouseOptions, _ output: OutputOptions) throws {
        let source = try options.locations().table(table)
        let stores = try TableReferences.drop(kind, name, of: source).map { ReferenceListing.word($0, of: source) }
        guard output.format == .table else {
            var properties = Properties()
            properties.set("table", .string(source.identifier.description))
            properties.set("dropped", .string(name))
            properties.set("stores", .array(stores.map { .string($0) }))
            return try properties.print(output.format, to: StandardOutput())
        }
        output.talk.note("dropped \(kind) '\(name)' of \(source.identifier): \(stores.joined(separator: ", "))")
    }
}

/// Branches or tags as a result.
enum ReferenceListing {
    /// Which store of a table one is.
    static func word(_ store: Table, of table: MixedTable) -> String {
        store.identifier == table.base.identifier ? "base" : "change"
    }

    /// - Parameter name: nil for all.
    static func print(
        _ kind: TableReferences.Kind,
        named name: String? = nil,
        of table: MixedTable,
        _ output: OutputOptions
    ) throws(WeirError) {
        var listing = Listing("name", "store", "snapshot", "committed_at", "retained_until")
        for entry in TableReferences.all(of: table) where entry.kind == kind && name.map({ $0 == entry.name }) ?? true {
            let snapshot = entry.store.metadata.snapshot(id: entry.reference.snapshotId)
            let age = entry.reference.maxReferenceAgeMs
            let until = snapshot.flatMap { snapshot in age.map { snapshot.timestampMs.addingClamped($0) } }
            listing.add(
                .string(entry.name),
                .string(word(entry.store, of: table)),
                .integer(entry.reference.snapshotId),
                snapshot.map { .string(TimeText.text($0.timestampMs)) } ?? .null,
                until.map { .string(TimeText.text($0)) } ?? .null
            )
        }
        try listing.print(output.format, to: StandardOutput())
    }
}
