import Bytes
import Columnar

// Inconsistent metadata has no correct interpretation: every choice loses or duplicates rows for some reader. Other
// engines refuse it too.
extension TableMetadata {
    func check() throws(WeirError) {
        try checkSchemas()
        try checkSpecs()
        try checkSnapshots()
        try checkReferences()
    }

    private func checkSchemas() throws(WeirError) {
        try Self.requireDistinct(schemas.map(\.id), "schemas")
        guard schema(id: currentSchemaId) != nil else {
            throw WeirError(.corrupt, "the current schema \(currentSchemaId) is not among the schemas")
        }
        for version in schemas { try Self.checkColumns(version) }
    }

    static func checkColumns(_ version: TableSchema) throws(WeirError) {
        var names: [Int: String] = [:]
        for field in version.schema.allFields {
            guard let other = names.updateValue(field.name, forKey: field.id) else { continue }
            throw WeirError(
                .corrupt,
                "schema \(version.id) gives field id \(field.id) to both '\(other)' and '\(field.name)'"
            )
        }
        var seen: Set<String> = []
        for field in version.schema.fields where !seen.insert(field.name).inserted {
            throw WeirError(.corrupt, "schema \(version.id) has two columns named '\(field.name)'")
        }
    }

    private func checkSpecs() throws(WeirError) {
        try Self.requireDistinct(specs.map(\.id), "partition specs")
        guard spec(id: defaultSpecId) != nil else {
            throw WeirError(.corrupt, "the default partition spec \(defaultSpecId) is not among the specs")
        }
        for spec in specs {
            var names: [Int: String] = [:]
            for field in spec.fields {
                guard let other = names.updateValue(field.name, forKey: field.id) else { continue }
                throw WeirError(
                    .corrupt,
                    "partition spec \(spec.id) gives field id \(field.id) to both '\(other)' and '\(field.name)'"
                )
            }
        }
    }

    private func checkSnapshots() throws(WeirError) {
        var ids: Set<Int64> = []
        for snapshot in snapshots {
            guard ids.insert(snapshot.id).inserted else {
                throw WeirError(.corrupt, "two snapshots have the id \(snapshot.id)")
            }
            guard formatVersion == 1 || (0...max(0, lastSequenceNumber)).contains(snapshot.sequenceNumber) else {
                throw WeirError(
                    .corrupt,
                    "snapshot \(snapshot.id) has sequence number \(snapshot.sequenceNumber), but last-sequence-number is "
                        + "\(lastSequenceNumber)"
                )
            }
        }
        if let currentSnapshotId, !ids.contains(currentSnapshotId) {
            throw WeirError(.corrupt, "the current snapshot \(currentSnapshotId) is not among the snapshots")
        }
    }

    private func checkReferences() throws(WeirError) {
        if let main = references[Self.mainBranch], main.snapshotId != currentSnapshotId {
            let current = currentSnapshotId.map { "is \($0)" } ?? "names none"
            throw WeirError(
                .corrupt,
                "the branch main is at snapshot \(main.snapshotId), but current-snapshot-id \(current)",
                advice:
                    "the engine that wrote this metadata contradicts itself; have it write the table's metadata again"
            )
        }
        for (name, reference) in references.sorted(by: { $0.key < $1.key })
        where snapshot(id: reference.snapshotId) == nil {
            throw WeirError(
                .corrupt,
                "the reference '\(name)' is at snapshot \(reference.snapshotId), which is not among the snapshots"
            )
        }
    }

    private static func requireDistinct(_ ids: [Int], _ kind: String) throws(WeirError) {
        var seen: Set<Int> = []
        for id in ids where !seen.insert(id).inserted {
            throw WeirError(.corrupt, "two of the \(kind) have the id \(id)")
        }
    }
}

extension Schema {
    /// The fields at all depths.
    fileprivate var allFields: [Field] {
        func all(_ fields: [Field]) -> [Field] {
            fields.flatMap { field -> [Field] in
                switch field.type {
                case .structure(let children): [field] + all(children)
                case .list(let element): [field] + all([element])
                case .map(let key, let value): [field] + all([key, value])
                default: [field]
                }
            }
        }
        return all(fields)
    }
}
