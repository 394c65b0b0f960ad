import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import Lookups
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

@Suite struct DimensionModelTests {
    struct Key: Hashable {
        let region: String
        let id: Int64
    }

    /// One change: the value a key gets, or nil when it goes.
    typealias Change = (key: Key, value: String?)

    static let fields = [
        Field(id: 1, name: "region", type: .string), Field(id: 2, name: "id", type: .long),
        Field(id: 3, name: "value", type: .string),
    ]

    static func table(_ folder: String, key: [String]) throws -> MixedTable {
        let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
        try catalog.createNamespace(["shop"])
        let definition = MixedTableDefinition(
            identifier: TableIdentifier(namespace: ["shop"], name: "dimension"),
            schema: Schema(fields),
            primaryKey: key
        )
        return try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
    }

    static func batch(_ changes: [Change], _ schema: Schema) -> ChangeBatch {
        var region = ColumnBuilder(.string)
        var id = ColumnBuilder(.long)
        var value = ColumnBuilder(.string)
        for change in changes {
            region.append(change.key.region)
            id.append(change.key.id)
            if let text = change.value { value.append(text) } else { value.appendNull() }
        }
        let columns = [region.finish(), id.finish(), value.finish()]
        let kinds = changes.map { ($0.value == nil ? ChangeKind.delete : ChangeKind.updateAfter).rawValue }
        return ChangeBatch(
            rows: ColumnBatch(schema: schema, columns: columns, count: changes.count),
            kinds: Buffer(copying: kinds),
            offsets: Buffer(copying: [UInt8](repeating: 0, count: 8 * changes.count))
        )
    }

    @Test(arguments: SeededGenerator.seeds(4), [["id"], ["region", "id"]])
    func `lookups agree with a dictionary after every refresh`(seed: UInt64, key: [String]) throws {
        try withTemporaryFolder { folder in
            var table = try Self.table(folder, key: key)
            let writer = try KeyedTableWriter(table)
            let isNarrow = key == ["id"]
            var random = SeededGenerator(seed: seed)
            var model: [Key: String] = [:]
            var ledger = PositionLedger()
            var dimension: DimensionTable?
            for epoch in 0..<12 {
                var changes: [Change] = []
                for _ in 0..<(epoch == 0 ? 800 : 60) {
                    let id = Int64(random.next() % 300)
                    let change = Key(region: isNarrow ? "-" : ["eu", "ü", ""][Int(random.next() % 3)], id: id)
                    let value = random.next() % 4 == 0 ? nil : "v\(random.next() % 1000)"
                    changes.append((change, value))
                    model[change] = value
                }
                _ = try writer.write(Self.batch(changes, table.schema))
                var next = ledger
                next.advance(topic: "t", partition: 0, to: Int64(epoch + 1))
                table = try table.commit(try writer.cut(), topology: "t", from: ledger, to: next)
                ledger = next
                if let dimension {
                    try dimension.refresh(from: table)
                } else {
                    dimension = try DimensionTable(table, columns: ["value"])
                }
                try Self.check(#require(dimension), model, isNarrow: isNarrow, "seed \(seed) epoch \(epoch)")
            }
        }
    }

    /// Looks every possible key up, and one with a null in it.
    private static func check(
        _ dimension: DimensionTable,
        _ model: [Key: String],
        isNarrow: Bool,
        _ note: String
    ) throws {
        let regions = isNarrow ? ["-"] : ["eu", "ü", "", "nowhere"]
        var keys: [Key] = []
        for region in regions { for id in Int64(0)..<310 { keys.append(Key(region: region, id: id)) } }
        var region = ColumnBuilder(.string)
        var id = ColumnBuilder(.long)
        for key in keys {
            region.append(key.region)
            id.append(key.id)
        }
        region.append("eu")
        id.appendNull()
        let columns = isNarrow ? [id.finish()] : [region.finish(), id.finish()]
        let (rows, found) = dimension.lookup(columns, count: keys.count + 1)
        #expect(dimension.count == model.count, "\(note)")
        #expect(found.last == false && rows.columns[0].isNull(keys.count), "a null key finds nothing, \(note)")
        for (place, key) in keys.enumerated() {
            let expected = model[key].map { Scalar.string($0) } ?? .null
            #expect(rows.columns[0].scalar(place) == expected && found[place] == (model[key] != nil), "\(key), \(note)")
        }
    }

    @Test func `an unkeyed table is no dimension`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.table(folder, key: [])
            #expect { try DimensionTable(table) } throws: { ($0 as? WeirError)?.code == .invalid }
        }
    }
}
