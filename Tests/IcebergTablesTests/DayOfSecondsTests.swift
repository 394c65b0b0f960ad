import Bytes
import Columnar
import IcebergFormat
import Testing
import WeirTesting

@testable import IcebergTables

/// A table that is written every second: the commits of an epoch to its change store, and those that bring it to base.
/// `make soak` commits for a day of simulated time.
@Suite struct DayOfSecondsTests {
    /// What a commit to one store came to.
    private struct Cost {
        var metadataBytes: Int
        var writtenBytes: Int
        var calls: Int
        var manifests: Int
        var snapshots: Int
        var seconds: Double
    }

    /// One store with its history of costs, and the files that it must have.
    private struct Store {
        var world: ExpiringCommitTests.World
        var costs: [Cost] = []
        var live: [String: Int64] = [:]

        init(_ kind: String) throws {
            world = try ExpiringCommitTests.World([
                "mixed-format.table-store": kind, "mixed-format.primary-key-fields": "id",
                "write.metadata.delete-after-commit.enabled": "true",
            ])
        }

        mutating func commit(
            adding: [DataFile],
            deletes: [DataFile] = [],
            removing: [DataFile] = [],
            removingDeletes: [DataFile] = [],
            _ more: (inout Transaction) -> Void
        ) throws {
            let before = (calls: world.storage.calls, bytes: world.storage.writtenBytes)
            let clock = ContinuousClock()
            let time = try clock.measure {
                try world.commit { transaction in
                    transaction.overwrite(
                        adding: adding,
                        addingDeletes: deletes,
                        removing: removing,
                        removingDeletes: removingDeletes,
                        summary: ["snapshot.producer": "INGESTION"],
                        operation: removing.isEmpty && deletes.isEmpty ? .append : nil
                    )
                    more(&transaction)
                }
            }
            let snapshot = try #require(world.table.currentSnapshot)
            for file in removing + removingDeletes { live[file.path] = nil }
            for file in adding + deletes { live[file.path] = snapshot.sequenceNumber }
            let calls = world.storage.calls - before.calls
            let written = world.storage.writtenBytes - before.bytes
            costs.append(
                Cost(
                    metadataBytes: try world.storage.read(world.table.metadataLocation).count,
                    writtenBytes: written,
                    calls: calls,
                    manifests: try world.table.manifests(of: snapshot).count,
                    snapshots: world.table.snapshots.count,
                    seconds: Double(time.components.attoseconds) / 1e18 + Double(time.components.seconds)
                )
            )
        }

        /// Deletes everything that the metadata does not reach: nothing may need it.
        func clean() throws {
            let reachable = try ReachableFiles(world.table)
            world.storage.keepOnly { $0 == reachable.current || reachable.metadata.contains($0) }
        }

        func checkFiles() throws {
            var found: [String: Int64] = [:]
            for manifest in try world.table.manifests(of: try #require(world.table.currentSnapshot)) {
                for entry in try world.table.entries(of: manifest) where entry.isLive {
                    found[entry.file.path] = entry.dataSequenceNumber
                }
            }
            #expect(found == live)
        }

        /// Parts of the history are alike; the first one ends once the greatest number of snapshots is reached.
        func checkFlat(_ name: String, part: Int) {
            let most = SnapshotRetention.defaultCountMax
            let parts = [
                costs[(most + 50)..<(most + 50 + part)], costs[(costs.count / 2)..<(costs.count / 2 + part)],
                costs[(costs.count - part)...],
            ]
            func mean(_ part: ArraySlice<Cost>, _ value: (Cost) -> Int) -> Double {
                Double(part.reduce(0) { $0 + value($1) }) / Double(part.count)
            }
            let bytes = parts.map { mean($0) { $0.metadataBytes } }
            let written = parts.map { mean($0) { $0.writtenBytes } }
            let calls = parts.map { mean($0) { $0.calls } }
            let times = parts.map { part in part.map(\.seconds).sorted()[part.count / 2] * 1000 }
            let manifests = parts.map { mean($0) { $0.manifests } }
            // Digits grow, and times of expired commits are kept in ever greater distances.
            #expect(bytes[2] < bytes[0] + 20_000 && bytes[2] < 500_000, "\(name): \(bytes)")
            #expect(costs.allSatisfy { $0.metadataBytes < 1_000_000 && $0.snapshots <= most }, "\(name)")
            #expect(costs.dropFirst(most).allSatisfy { $0.snapshots == most }, "\(name)")
            #expect(costs.allSatisfy { $0.manifests < 110 }, "\(name): \(costs.map(\.manifests).max() ?? 0)")
            #expect(calls[2] < calls[0] * 1.25 + 0.5, "\(name): \(calls)")
            print(
                "\(name): \(costs.count) commits; first, middle, last \(part): metadata "
                    + "\(bytes.map { Int($0) }) B, written \(written.map { Int($0) }) B and \(calls.map { ($0 * 10).rounded() / 10 }) "
                    + "calls a commit, manifests \(manifests.map { Int($0) }), p50 \(times.map { ($0 * 100).rounded() / 100 }) ms; "
                    + "\(live.count) files"
            )
        }
    }

    @Test func `metadata, storage calls and manifests stay what they were`() throws {
        let seconds = Soak.factor > 1 ? 86_400 : 900
        var random = SeededGenerator(seed: 7)
        var change = try Store("change")
        var base = try Store("base")
        var data: [DataFile] = []
        var deletes: [String: DataFile] = [:]
        for second in 1...seconds {
            try change.commit(adding: [dataFile("I-\(second).parquet"), dataFile("ED-\(second).parquet")]) {
                transaction in
                transaction.setProperties(["weir.positions.shop": "{\"orders\":{\"0\":\(second)}}"])
                transaction.addToSummary { (_) throws(WeirError) in ["weir.positions.shop": "0a1b2c3d"] }
            }
            // An eighth of the files get other deletes; small ones are joined.
            let touched = data.filter { _ in random.next() % 8 == 0 }
            let joined = data.count > 48 ? Array(data.prefix(40)) : []
            let rewritten = Set(joined.map(\.path))
            let gone = joined.compactMap { deletes.removeValue(forKey: $0.path) }
            var added = [dataFile("B-\(second).parquet")]
            if !joined.isEmpty { added.append(dataFile("B-\(second)-joined.parquet")) }
            var (newDeletes, oldDeletes) = ([DataFile](), gone)
            for file in touched where !rewritten.contains(file.path) {
                var delete = dataFile("PD-\(second)-\(file.path.lastPathComponent)", content: .positionDeletes)
                delete.referencedDataFile = file.path
                newDeletes.append(delete)
                if let old = deletes.updateValue(delete, forKey: file.path) { oldDeletes.append(old) }
            }
            try base.commit(adding: added, deletes: newDeletes, removing: joined, removingDeletes: oldDeletes) {
                transaction in
                transaction.setProperties(["table.partition-properties": "{\"\":{\"max-txId\":\"\(second)\"}}"])
                transaction.setStatistics { (snapshot) throws(WeirError) in
                    let path = "/warehouse/db/t/data/puffin/\(snapshot.id).puffin"
                    return StatisticsFile(
                        snapshotId: snapshot.id,
                        path: path,
                        fileSize: 300,
                        footerSize: 200,
                        blobs: []
                    )
                }
            }
            data = data.filter { !rewritten.contains($0.path) } + added
            if second % 500 == 0 {
                try change.clean()
                try base.clean()
            }
        }
        for (name, store) in [("change store", change), ("base store", base)] {
            try store.clean()
            try store.checkFiles()
            store.checkFlat(name, part: max(100, seconds / 100))
            print(
                "\(name): \(store.world.storage.paths.count) metadata files of \(store.world.storage.byteCount) B left"
            )
        }
        let record = try #require(ExpiredCommits(change.world.table.metadata))
        #expect(record.removedUpTo == 0 && record.sequence == Int64(seconds - SnapshotRetention.defaultCountMax))
    }
}
