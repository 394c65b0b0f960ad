import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import Testing
import WeirTesting

/// Other engines' commits to the base store of a keyed table, before, during and after the epochs of a long-lived
/// writer.
@Suite struct ForeignBaseTests {
    /// A table, its only writer, another engine, and the expected rows.
    struct World {
        var table: MixedTable
        let writer: KeyedTableWriter
        var history: ChangeHistory
        /// The source of the other engine's rows.
        var source: ChangeHistory
        var random: SeededGenerator
        var ledger = PositionLedger()
        var prepared: Epoch?
        /// Rows visible to readers, and the effect on keys of the prepared and the open epoch; nil for deleted.
        var committed: [ModelRow: ModelRow] = [:]
        var ready: [ModelRow: ModelRow?] = [:]
        var current: [ModelRow: ModelRow?] = [:]
        /// Keys with unmerged changes. A row added to base is ordered after all of them.
        var unmerged: Set<ModelRow> = []
        /// Files of the other engine, with the keys of their visible rows.
        var foreign: [String: (file: DataFile, keys: Set<ModelRow>)] = [:]

        init(_ shape: TableShape, _ seed: UInt64, in folder: String, formatVersion: Int = 2) throws {
            let table = try MixedTableModelTests.create(
                shape,
                in: folder,
                formatVersion: formatVersion,
                properties: ExpiredHistoryTests.keep(seed)
            )
            self.table = table
            let schema = table.schema
            let columns = shape.key.compactMap { schema.index(named: $0) }
            history = ChangeHistory(schema: schema, keyColumns: columns, seed: seed, keySpace: 30)
            source = ChangeHistory(schema: schema, keyColumns: columns, seed: seed ^ 0xf0, keySpace: 30)
            random = SeededGenerator(seed: seed ^ 0xabc)
            writer = try KeyedTableWriter(table)
        }

        /// The step of a run before the first row of an epoch.
        mutating func follow() throws {
            guard writer.isBetweenEpochs, try writer.baseHasMoved() else { return }
            try commit()
            #expect(try writer.follow(table.refreshed()) == 0)
        }

        mutating func write() throws {
            try follow()
            let batch = history.next(12)
            for row in 0..<batch.count {
                let key = history.key(batch.rows.modelRow(row))
                current[key] = .some(history.state[key])
            }
            #expect(try writer.write(batch).isEmpty)
        }

        mutating func cut() throws {
            try commit()
            prepared = try writer.cut()
            (ready, current) = (current, [:])
        }

        /// Commits the prepared epoch. Rows written since then are unaffected.
        mutating func commit() throws {
            guard let epoch = prepared else { return }
            prepared = nil
            unmerged.formUnion(ready.keys)
            for (key, row) in ready {
                committed[key] = row
                for path in foreign.keys { foreign[path]?.keys.remove(key) }
            }
            ready = [:]
            var next = ledger
            next.advance(topic: "t", partition: 0, to: (ledger.next(topic: "t", partition: 0) ?? 0) + 1)
            table = try table.commit(epoch, topology: "model", from: ledger, to: next)
            ledger = next
        }

        /// Appends rows whose keys are neither in the table nor in its unmerged changes.
        mutating func append() throws {
            let batch = source.next(8)
            var rows: [ModelRow: ModelRow] = [:]
            for row in 0..<batch.count where !batch.kind(row).isRetraction {
                let values = batch.rows.modelRow(row)
                let key = history.key(values)
                if committed[key] == nil, !unmerged.contains(key) { rows[key] = values }
            }
            let base = try table.refreshed().base
            var groups: [[Scalar]: [ModelRow]] = [:]
            for values in rows.values {
                let partition = try base.spec.fields.map { field in
                    try field.transform.apply(values[base.schema.index(ofField: field.sourceId) ?? 0])
                }
                groups[partition, default: []].append(values)
            }
            var transaction = Transaction(base)
            for (partition, group) in groups {
                let path = "\(base.dataLocation)/\(UUID().uuidString).parquet"
                let writer = try ParquetFileWriter(schema: base.schema, to: base.storage.create(path))
                try writer.write(.rows(group, base.schema))
                let file = DataFile(parquet: path, try writer.finish(), partition: partition, specId: base.spec.id)
                transaction.append([file])
                foreign[path] = (file, Set(group.map { history.key($0) }))
                for values in group { set(values, history.key(values)) }
            }
            if !groups.isEmpty { _ = try transaction.commit() }
        }

        /// Removes one of the other engine's files.
        mutating func remove() throws {
            let base = try table.refreshed().base
            let live = Set(try base.plan().map(\.file.path))
            guard let (path, entry) = foreign.filter({ live.contains($0.key) }).min(by: { $0.key < $1.key }) else {
                return
            }
            foreign[path] = nil
            var transaction = Transaction(base)
            transaction.overwrite(adding: [], removing: [entry.file])
            _ = try transaction.commit()
            for key in entry.keys { set(nil, key) }
        }

        /// Deletes a row of base by its position. Rows that a change has superseded are not visible, and are left alone.
        mutating func deleteByPosition() throws {
            let base = try table.refreshed().base
            let tasks = try base.plan().sorted { $0.file.path < $1.file.path }
            guard !tasks.isEmpty else { return }
            let task = tasks[Int(random.next() % UInt64(tasks.count))]
            let reader = try ParquetFileReader(base.storage.open(task.file.path), schema: base.schema)
            var visible: [(position: Int64, key: ModelRow)] = []
            while let (batch, first) = try reader.next() {
                for row in 0..<batch.count {
                    let values = batch.modelRow(row)
                    let key = history.key(values)
                    if committed[key] == values, !unmerged.contains(key) { visible.append((first + Int64(row), key)) }
                }
            }
            guard !visible.isEmpty else { return }
            let victim = visible[Int(random.next() % UInt64(visible.count))]
            _ = try ForeignDelete.transaction(task, victim.position, base).commit()
            for path in foreign.keys { foreign[path]?.keys.remove(victim.key) }
            set(nil, victim.key)
        }

        /// Changes in the prepared and the open epoch take precedence for their keys.
        private mutating func set(_ row: ModelRow?, _ key: ModelRow) {
            committed[key] = row
            if ready[key] == nil && current[key] == nil { history.state[key] = row }
        }

        /// With everything committed, checks the table's rows and the writer's index.
        mutating func settle(_ what: String) throws {
            try cut()
            try commit()
            table = try table.refreshed()
            let (rows, doubled) = try contents(MergeOnReadScan(table), history)
            #expect(doubled.isEmpty, "\(what): \(doubled)")
            #expect(rows == history.state, "\(what)")
            #expect(committed == history.state, "\(what)")
            try follow()
            #expect(writer.keyCount == history.state.count, "\(what)")
        }
    }

    @Test(arguments: SeededGenerator.seeds(4), TableShape.allCases)
    func `every key has one row, whenever other engines commit to base`(seed: UInt64, shape: TableShape) throws {
        try withTemporaryFolder { folder in
            var world = try World(shape, seed, in: folder)
            for step in 0..<60 {
                switch world.random.next() % 12 {
                case 0..<4: try world.write()
                case 4..<6: try world.append()
                case 6: try world.remove()
                case 7: try world.cut()
                case 8: try world.commit()
                case 9:
                    world.table = try FullOptimize(world.table.refreshed(), nowMilliseconds: 1).run().table
                    world.foreign = [:]
                    world.unmerged = []
                default: try world.settle("seed \(seed), step \(step)")
                }
            }
            try world.settle("seed \(seed), at the end")
        }
    }

    @Test func `an epoch that is ready when the same key comes to base takes its row away`() throws {
        try withTemporaryFolder { folder in
            var world = try World(.wideKey, 1, in: folder)
            let row: ModelRow = [.string("a"), .date(1), .long(1)]
            let gone: ModelRow = [.string("b"), .date(1), .null]
            // The delete finds nothing yet.
            _ = try world.writer.write(.changes([(.insert, row), (.delete, gone)], world.table.schema))
            let epoch = try world.writer.cut()
            #expect(epoch.summary.redundantDeletes == 1)
            let path = "\(world.table.base.dataLocation)/other.parquet"
            let schema = world.table.schema
            let file = try ParquetFileWriter(schema: schema, to: world.table.base.storage.create(path))
            try file.write(
                .rows([[.string("a"), .date(1), .long(7)], [.string("b"), .date(1), .long(8)]], schema)
            )
            var other = Transaction(world.table.base)
            other.append([DataFile(parquet: path, try file.finish())])
            _ = try other.commit()
            world.table = try world.table.commit(epoch, topology: "t", from: .init(), to: .init(["a": [0: 1]]))
            let rows = try contents(MergeOnReadScan(world.table.refreshed()), world.history)
            #expect(rows.doubled.isEmpty && Array(rows.rows.values) == [row])
        }
    }

    @Test func `an epoch whose commit is refused leaves no files`() throws {
        try withTemporaryFolder { folder in
            let table = try MixedTableModelTests.create(.wideKey, in: folder)
            let change: [(ChangeKind, ModelRow)] = [(.insert, [.string("a"), .date(1), .long(1)])]
            let writers = [try KeyedTableWriter(table), try KeyedTableWriter(table)]
            for writer in writers { _ = try writer.write(.changes(change, table.schema)) }
            _ = try table.commit(try writers[0].cut(), topology: "t", from: .init(), to: .init(["a": [0: 1]]))
            let files = { try table.base.storage.list(folder).count { $0.path.hasSuffix(".parquet") } }
            let before = try files()
            let late = try writers[1].cut()
            #expect(try files() == before + 1)
            #expect(throws: WeirError.self) {
                try table.commit(late, topology: "t", from: .init(), to: .init(["a": [0: 1]]))
            }
            #expect(try files() == before)
        }
    }

    @Test(arguments: ["gone", "damaged"])
    func `an epoch whose base cannot be looked at leaves no files`(base: String) throws {
        try withTemporaryFolder { folder in
            let table = try MixedTableModelTests.create(.wideKey, in: folder)
            let writer = try KeyedTableWriter(table)
            let row: ModelRow = [.string("a"), .date(1), .long(1)]
            _ = try writer.write(.changes([(.insert, row)], table.schema))
            let epoch = try writer.cut()
            let files = { try table.base.storage.list(folder).count { $0.path.hasSuffix(".parquet") } }
            #expect(try files() == 1)
            if base == "gone" {
                try table.base.catalog.unregister(table.identifier)
            } else {
                var other = Transaction(table.base)
                other.append([DataFile(path: folder + "/other.avro", format: .avro, recordCount: 1, fileSize: 1)])
                let list = try #require(try other.commit().currentSnapshot?.manifestList)
                try table.base.storage.delete(list)
                try table.base.storage.putNew(list, Array("no manifest list".utf8))
            }
            #expect(throws: WeirError.self) {
                try table.commit(epoch, topology: "t", from: .init(), to: .init(["a": [0: 1]]))
            }
            #expect(try files() == 0)
        }
    }

    @Test func `keys that have followed base are not read again by the writer that comes next`() throws {
        try withTemporaryFolder { folder in
            var world = try World(.wideKey, 3, in: folder)
            try world.append()
            try world.settle("with rows of another engine")
            let count = world.writer.keyCount
            #expect(count > 0)
            var keys = world.writer.keys
            let read = keys.loaded
            // Weir has committed nothing: since the writer began, only base has changed.
            try keys.catchUp(with: world.table.refreshed(), except: RangeSet())
            #expect(keys.loaded == read, "\(count) keys were read again")
            #expect(try KeyedTableWriter(world.table, keys: keys).keyCount == count)
        }
    }
}
