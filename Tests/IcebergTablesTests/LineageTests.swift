import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import Testing
import WeirTesting

@Suite struct LineageTests {
    /// Snapshots as (id, parent, sequence, time). The branch main refers to the last id of `main`.
    private static func metadata(
        _ snapshots: [(id: Int64, parent: Int64?, sequence: Int64, time: Int64)],
        main: Int64?,
        log: [(time: Int64, id: Int64)] = [],
        version: Int = 2
    ) throws -> TableMetadata {
        let list = snapshots.map { snapshot in
            let parent = snapshot.parent.map { "\"parent-snapshot-id\":\($0)," } ?? ""
            return """
                {"snapshot-id":\(snapshot.id),\(parent)"sequence-number":\(snapshot.sequence),
                "timestamp-ms":\(snapshot.time),"manifest-list":"l\(snapshot.id)","summary":{"operation":"append"}}
                """
        }
        let entries = log.map { "{\"timestamp-ms\":\($0.time),\"snapshot-id\":\($0.id)}" }
        let text = """
            {"format-version":\(version),"table-uuid":"u","location":"file:///t","last-sequence-number":9,
            "last-updated-ms":99,"last-column-id":1,"current-schema-id":0,
            "schemas":[{"type":"struct","schema-id":0,"fields":[{"id":1,"name":"id","required":true,"type":"long"}]}],
            "default-spec-id":0,"partition-specs":[{"spec-id":0,"fields":[]}],"last-partition-id":999,
            "default-sort-order-id":0,"sort-orders":[{"order-id":0,"fields":[]}],"properties":{},
            "current-snapshot-id":\(main ?? -1),"snapshots":[\(list.joined(separator: ","))],
            "snapshot-log":[\(entries.joined(separator: ","))],"metadata-log":[]}
            """
        return try TableMetadata.parse(Array(text.utf8), at: "test")
    }

    // 1 ← 2 ← 3 is main; 4 is another branch off 2.
    private static let branched: [(id: Int64, parent: Int64?, sequence: Int64, time: Int64)] = [
        (1, nil, 1, 10), (2, 1, 2, 20), (4, 2, 3, 30), (3, 2, 4, 40),
    ]

    @Test func `what was current at a time is what main says`() throws {
        let log: [(time: Int64, id: Int64)] = [(10, 1), (20, 2), (40, 3)]
        for log in [log, []] {
            let metadata = try Self.metadata(Self.branched, main: 3, log: log)
            #expect(metadata.snapshot(asOf: 35)?.id == 2, "another branch's commit is none of main's")
            #expect(metadata.snapshot(asOf: 40)?.id == 3)
            #expect(metadata.snapshot(asOf: 9) == nil)
            #expect(metadata.lastSnapshot(before: 40)?.id == 2)
        }
        // Rolled back from 3 to 2 at 50.
        let rolled = try Self.metadata(Self.branched, main: 2, log: log + [(50, 2)])
        #expect(rolled.snapshot(asOf: 45)?.id == 3)
        #expect(rolled.snapshot(asOf: 50)?.id == 2)
        #expect(rolled.mainAncestors.map(\.id) == [2, 1])
    }

    @Test(arguments: SeededGenerator.seeds(20))
    func `ancestors are found in any order of snapshots, with lost parents and circles`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<20 {
            let count = Int64.random(in: 1...9, using: &random)
            var parents: [Int64: Int64] = [:]
            for id in 1...count {
                // Mostly the one before, or one that is gone, or any.
                let any = Int64.random(in: 0...count + 1, using: &random)
                parents[id] = Bool.random(using: &random) ? id - 1 : any
            }
            var ids = Array(1...count)
            if Bool.random(using: &random) { ids.shuffle(using: &random) }
            let metadata = try Self.metadata(ids.map { ($0, parents[$0], $0, $0) }, main: ids.last)
            for id in 0...count + 1 {
                var expected: [Int64] = []
                var next = id
                while parents[next] != nil, !expected.contains(next) {
                    expected.append(next)
                    next = parents[next] ?? 0
                }
                #expect(metadata.ancestors(of: id).map(\.id) == expected, "seed \(seed): \(ids), \(parents), of \(id)")
            }
            #expect(metadata.ancestors(of: nil).isEmpty)
        }
    }

    @Test func `the commits behind a snapshot are told, or that they cannot be`() throws {
        let whole = try Self.metadata(Self.branched, main: 3)
        #expect(whole.history(since: nil).snapshots.map(\.id) == [1, 2, 3])
        #expect(whole.history(since: nil).beginning == .found)
        #expect(whole.history(since: 1).snapshots.map(\.id) == [2, 3])
        #expect(whole.history(since: 3).snapshots.isEmpty && whole.history(since: 3).beginning == .found)
        #expect(whole.history(since: 4).beginning == .elsewhere)
        #expect(whole.history(since: 77).beginning == .elsewhere)
        #expect(whole.history(aboveSequence: 3).snapshots.map(\.id) == [3])
        #expect(whole.history(aboveSequence: 2).snapshots.map(\.id) == [3])

        // 1 has expired.
        let cut = try Self.metadata(Array(Self.branched.dropFirst()), main: 3)
        #expect(cut.isHistoryCut && !whole.isHistoryCut)
        #expect(cut.history(since: 1).snapshots.map(\.id) == [2, 3])
        #expect(cut.history(since: 1).beginning == .found, "nothing lies between")
        #expect(cut.history(since: nil).beginning == .expired(oldest: try #require(cut.snapshot(id: 2))))
        #expect(cut.history(since: 77).beginning == .expired(oldest: try #require(cut.snapshot(id: 2))))
        #expect(cut.history(aboveSequence: 1).beginning == .found)
        #expect(cut.history(aboveSequence: 0).beginning == .expired(oldest: try #require(cut.snapshot(id: 2))))

        // As PyIceberg leaves it: the oldest kept snapshot has no parent any more.
        let orphaned = try Self.metadata([(3, nil, 3, 30), (4, 3, 4, 40)], main: 4)
        #expect(orphaned.isHistoryCut)
        #expect(orphaned.history(since: nil).beginning == .expired(oldest: try #require(orphaned.snapshot(id: 3))))
        #expect(orphaned.history(since: 3).beginning == .found)
        #expect(
            orphaned.history(aboveSequence: 1).beginning == .expired(oldest: try #require(orphaned.snapshot(id: 3)))
        )
        #expect(orphaned.history(aboveSequence: 2).beginning == .found)
        #expect(orphaned.history(since: 2, sequence: 2).beginning == .found, "nothing lies between")
        #expect(orphaned.history(since: 1, sequence: 1).beginning != .found)

        // 6 was rolled back to 5, and has expired with it.
        let rolledBack = try Self.metadata([(7, 5, 7, 70), (8, 7, 8, 80)], main: 8)
        #expect(rolledBack.history(since: 5, sequence: 5).beginning == .found)
        #expect(rolledBack.history(since: 6, sequence: 6).beginning == .elsewhere)
        #expect(rolledBack.history(since: nil, sequence: 6).beginning == .found)

        let empty = try Self.metadata([], main: nil)
        #expect(empty.history(since: nil).snapshots.isEmpty && empty.history(since: nil).beginning == .found)
        #expect(empty.history(since: 3).beginning == .elsewhere)
    }

    @Test func `version 1 numbers nothing and has a history all the same`() throws {
        let metadata = try Self.metadata([(1, nil, 0, 10), (2, 1, 0, 20), (3, 2, 0, 30)], main: 3, version: 1)
        #expect(metadata.history(since: nil).snapshots.map(\.id) == [1, 2, 3])
        #expect(metadata.history(since: 1).snapshots.map(\.id) == [2, 3])
    }
}
