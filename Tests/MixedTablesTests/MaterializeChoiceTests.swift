import Columnar
import IcebergFormat
import IcebergTables
import Testing
import WeirTesting

@testable import MixedTables

@Suite struct MaterializeChoiceTests {
    private static func change(_ sequence: Int64, transaction: Int64 = 0, bytes: Int64 = 10) -> FileScanTask {
        FileScanTask(
            file: DataFile(
                path: "/t/1-I-\(transaction)-00000-0-1-0000\(sequence).parquet",
                recordCount: 1,
                fileSize: bytes
            ),
            dataSequenceNumber: sequence,
            fileSequenceNumber: sequence,
            snapshotId: sequence
        )
    }

    @Test func `a slice is whole commits from the oldest on`() throws {
        let pending = [Self.change(3), Self.change(1), Self.change(2), Self.change(2)]
        func slice(_ bytes: Int64) -> ChangeSlice? { ChangeSlice(pending, bytesMax: bytes, spec: .unpartitioned) }
        #expect(ChangeSlice([], bytesMax: 1, spec: .unpartitioned) == nil)
        #expect(slice(1)?.upTo == 1)
        #expect(slice(11)?.upTo == 2)
        #expect(slice(11)?.files.count == 3)
        #expect(slice(11)?.isLast == false)
        #expect(slice(.max)?.isLast == true)
        #expect(slice(.max)?.sequences == ["": 3])
    }

    @Test func `a slice goes on while a later commit holds an older transaction`() throws {
        // A transaction that began with sequence 2 and was committed as sequence 5.
        let pending = [Self.change(1), Self.change(3), Self.change(4), Self.change(5, transaction: 2), Self.change(6)]
        func slice(_ bytes: Int64) -> ChangeSlice? { ChangeSlice(pending, bytesMax: bytes, spec: .unpartitioned) }
        #expect(slice(1)?.upTo == 1)
        #expect(slice(20)?.upTo == 5)
        #expect(slice(20)?.transactionId == 4)
    }

    private static func candidate(
        _ number: UInt32,
        bytes: Int64,
        rows: Int64 = 100,
        deleted: Int64 = 0,
        node: Int = 4
    ) -> RewriteChoice.Candidate {
        RewriteChoice.Candidate(
            number: number,
            bytes: bytes,
            rows: rows,
            deletedRows: deleted,
            group: RewriteChoice.Group(partition: 0, node: node)
        )
    }

    @Test func `files are rewritten for their deletes or for their number`() throws {
        func numbers(_ candidates: [RewriteChoice.Candidate], bytes: Int64 = .max) -> [UInt32] {
            RewriteChoice(candidates, bytesMax: bytes, targetBytes: 100 << 20).numbers
        }
        #expect(numbers([Self.candidate(1, bytes: 1000, deleted: 24)]).isEmpty)
        #expect(numbers([Self.candidate(1, bytes: 1000, deleted: 25)]) == [1])
        // One without a row left is taken out by other means.
        #expect(numbers([Self.candidate(1, bytes: 1000, deleted: 100)]).isEmpty)
        // One file is rewritten however large it is, more of them as the limit allows.
        let large = Self.candidate(1, bytes: 1000, deleted: 75)
        #expect(numbers([large], bytes: 999) == [1])
        #expect(numbers([large, Self.candidate(2, bytes: 1000, deleted: 50)], bytes: 1999) == [1])
        #expect(numbers([large, Self.candidate(2, bytes: 1000, deleted: 50)], bytes: 2000) == [1, 2])
        #expect(numbers([large, Self.candidate(2, bytes: 10)], bytes: 1) == [1])
        let seven = (0..<7).map { Self.candidate(UInt32($0), bytes: 1000 + Int64($0)) }
        #expect(numbers(seven).isEmpty)
        #expect(numbers(seven + [Self.candidate(7, bytes: 2000)]).count == 8)
        #expect(numbers(seven + [Self.candidate(7, bytes: 2000, node: 5)]).isEmpty)
        #expect(numbers(seven + [Self.candidate(7, bytes: 1 << 20)]).isEmpty)
        #expect(numbers((0..<9).map { Self.candidate(UInt32($0), bytes: 60 << 20) }).isEmpty)
    }

    /// However many commits there are, files stay few and rows are written few times.
    @Test(arguments: SeededGenerator.seeds(3))
    func `file counts and rewrites are bounded`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var files: [UInt32: Int64] = [:]
        var next: UInt32 = 0
        var (fresh, rewritten): (Int64, Int64) = (0, 0)
        for _ in 0..<20_000 {
            let size = Int64(5_000 + random.next() % 60_000)
            fresh += size
            let candidates = files.map { Self.candidate($0.key, bytes: $0.value) }
            let chosen = RewriteChoice(candidates, bytesMax: .max, targetBytes: 128 << 20).numbers
            let taken = chosen.reduce(0) { $0 + (files.removeValue(forKey: $1) ?? 0) }
            rewritten += taken
            // The new rows and the rewritten ones become one file.
            files[next] = size + taken
            next += 1
            #expect(files.count < 70)
        }
        let rewrites = Double(rewritten) / Double(fresh)
        print("materializing 20,000 commits of one node: \(files.count) files, \(rewrites) rewrites a byte")
        #expect(rewrites < 6)
    }

    @Test func `deleted rows are a set of positions within the file`() throws {
        var rows = DeletedRows([5, 0, 5, 64, 1000, -1, .max], rowCount: 1000)
        #expect(rows.count == 3)
        #expect(rows.contains(64) && !rows.contains(63) && !rows.contains(1_000_000))
        #expect(rows.survivors(from: 62, count: 4) == [0, 1, 3])
        var others = DeletedRows()
        others.insert(200_000)
        others.insert(5)
        #expect(!rows.isSuperset(of: others))
        rows.formUnion(others)
        #expect(rows.count == 4 && rows.isSuperset(of: others))
        var all: [[Int64]] = []
        try rows.forEachBlock(of: 3) { all.append($0) }
        #expect(all == [[0, 5, 64], [200_000]])
    }
}
