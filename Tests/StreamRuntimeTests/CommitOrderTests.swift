import Bytes
import ChangeEvents
import Columnar
import Testing
import WeirTesting

@testable import LogStores
@testable import StreamRuntime

/// Rows of a LogStore in the order of their commits.
@Suite struct CommitOrderTests {
    private static let schema = Schema([Field(id: 1, name: "id", type: .long)])

    private static func changes(_ ids: [Int64], _ upstream: UpstreamID, _ epoch: Int64) -> LogStoreChanges {
        let values = Buffer(copying: ids.flatMap { id in withUnsafeBytes(of: id) { Array($0) } })
        let column = ColumnVector(type: .long, count: ids.count, validity: nil, values: values)
        return LogStoreChanges(
            batch: ChangeBatch(
                rows: ColumnBatch(schema: schema, columns: [column], count: ids.count),
                kinds: Buffer(copying: ids.map { _ in ChangeKind.insert.rawValue }),
                offsets: values
            ),
            upstream: upstream,
            epoch: epoch,
            recordOffsets: values
        )
    }

    /// A writer and what of it has no commit yet, by epoch.
    private struct Writer {
        let id = UpstreamID.random()
        var epoch: Int64 = 1
        var committed: Int64 = 0
        var pieces: [LogStoreChanges] = []
    }

    @Test(arguments: SeededGenerator.seeds(20))
    func `between two commits are the rows of the second one, whoever writes and dies`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let isAlone = random.next() % 2 == 0
        var writers = (0..<(isAlone ? 1 : 3)).map { _ in Writer() }
        var ended: [UpstreamID: Int64] = [:]
        var order = CommitOrder(mayLead: isAlone)
        var next: Int64 = 0
        var open: [Int64: Int] = [:]
        var ahead = 0
        func apply(_ batches: [ChangeBatch]) {
            for batch in batches {
                for row in 0..<batch.count {
                    let id = batch.rows.columns[0].pointer(as: Int64.self)[row]
                    open[id, default: 0] += batch.kind(row).isRetraction ? -1 : 1
                    if open[id] == 0 { open[id] = nil }
                }
            }
        }
        for step in 0..<400 {
            let index = Int(random.next() % UInt64(writers.count))
            switch random.next() % 10 {
            case 0...5:
                let ids = (0..<1 + Int64(random.next() % 3)).map { next + $0 }
                next += Int64(ids.count)
                let piece = Self.changes(ids, writers[index].id, writers[index].epoch)
                writers[index].pieces.append(piece)
                let batches = order.take([piece])
                ahead += batches.count
                apply(batches)
            case 6: writers[index].epoch += 1
            case 7...8 where writers[index].committed < writers[index].epoch - 1:
                let epoch = writers[index].committed + 1
                writers[index].committed = epoch
                let epochs = Dictionary(uniqueKeysWithValues: writers.map { ($0.id, $0.committed) })
                    .merging(ended) { $1 }
                let (batches, changes) = order.commit(
                    covers: { upstream, epoch in epoch <= epochs[upstream] ?? 0 },
                    hasEnded: { ended[$0] != nil }
                )
                apply(batches)
                var expected: [Int64: Int] = [:]
                for piece in writers[index].pieces where piece.epoch == epoch {
                    for row in 0..<piece.batch.count { expected[piece.recordOffset(row)] = 1 }
                }
                #expect(open == expected && changes == Int64(expected.count), "seed \(seed), step \(step)")
                writers[index].pieces.removeAll { $0.epoch == epoch }
                open = [:]
                apply(order.lead())
            case 9 where random.next() % 4 == 0:
                // It dies; its successor takes back what it has not committed, newest first.
                for piece in writers[index].pieces.reversed() { apply(order.take([piece.retracted(at: 0)])) }
                ended[writers[index].id] = writers[index].committed
                writers[index] = Writer()
            default: break
            }
            // What is given ahead is of one epoch, and can be taken back.
            let before = open
            apply(order.undo)
            #expect(open.isEmpty, "seed \(seed), step \(step)")
            open = before
        }
        #expect(isAlone == (ahead > 0), "seed \(seed)")
    }
}
