import IcebergFormat
import KeyedState
import Testing
import WeirTesting

@testable import MixedTables

@Suite struct RowMapTests {
    @Test(arguments: SeededGenerator.seeds(20))
    func `every live row is found, no other one is, and neighbours share a run`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var map = RowMap()
        var wanted: [UInt32: (UInt32, UInt32)] = [:]
        var next: [UInt32] = [0, 100, 7]
        var output: UInt32 = 0
        var breaks = 0
        var isBehindGap = true
        for row in 0..<UInt32(2000) {
            if random.next() % 10 == 0 {
                isBehindGap = true
                continue
            }
            if random.next() % 50 == 0 {
                let other = UInt32(random.next() % 3)
                isBehindGap = isBehindGap || other != output
                output = other
            }
            if isBehindGap { breaks += 1 }
            isBehindGap = false
            map.append(from: row, count: 1, to: output, at: next[Int(output)])
            wanted[row] = (output, next[Int(output)])
            next[Int(output)] += 1
        }
        for row in 0..<UInt32(2100) {
            let (found, known) = (map[row], wanted[row])
            #expect(found?.output == known?.0 && found?.row == known?.1, "row \(row), seed \(seed)")
        }
        #expect(map.rowCount == wanted.count && map.runs.count <= breaks, "seed \(seed)")
    }

    @Test func `places follow files that were rewritten again, and dropped rows have none`() {
        var moved = MovedRows()
        var first = RowMap()
        first.append(rows: [0, 1, 3, 4], offset: 10, to: 0, at: 0)
        moved.add(1, first, outputs: [2])
        var second = RowMap()
        second.append(from: 1, count: 3, to: 1, at: 50)
        moved.add(2, second, outputs: [nil, 3])
        var places = [10, 11, 12, 13, 14].map { KeyPlace(file: 1, row: $0) } + [.none, KeyPlace(file: 9, row: 9)]
        moved.translate(&places)
        let expected: [KeyPlace] = [
            .none, KeyPlace(file: 3, row: 50), .none, KeyPlace(file: 3, row: 51), KeyPlace(file: 3, row: 52), .none,
            KeyPlace(file: 9, row: 9),
        ]
        #expect(places == expected)
    }

    @Test func `maps that came with a translation or before it are forgotten`() {
        var moved = MovedRows()
        var map = RowMap()
        map.append(from: 0, count: 1, to: 0, at: 0)
        moved.add(1, map, outputs: [10], version: 1)
        moved.add(2, map, outputs: [20], version: 2)
        #expect(moved.forget(upTo: 1) && !moved.forget(upTo: 1))
        var places = [KeyPlace(file: 1, row: 0), KeyPlace(file: 2, row: 0)]
        moved.translate(&places)
        #expect(places == [KeyPlace(file: 1, row: 0), KeyPlace(file: 20, row: 0)])
        #expect(moved.forget(upTo: 2) && moved.isEmpty)
    }
}
