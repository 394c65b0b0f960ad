import Columnar
import Testing
import WeirTesting

@testable import KeyedState

@Suite(.hangGuard) struct KeyMapTests {
    private static func fingerprints(_ keys: [Int64], isNarrow: Bool, _ seed: KeySeed = .process) -> KeyFingerprints {
        var builder = ColumnBuilder(.long)
        for key in keys { builder.append(.long(key)) }
        return KeyFingerprints([builder.finish()], count: keys.count, areNarrow: isNarrow, seed: seed)
    }

    @Test(arguments: SeededGenerator.seeds(10), [true, false])
    func `agrees with a dictionary in batches of any size`(seed: UInt64, isNarrow: Bool) {
        var random = SeededGenerator(seed: seed)
        let keySeed = KeySeed(using: &random)
        var map = KeyMap<Int32>(filler: 0, seed: keySeed)
        var model: [Int64: Int32] = [:]
        for step in 0..<300 {
            // Few keys, so that a batch has some of them twice.
            let keys = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                Int64.random(in: -40...40, using: &random)
            }
            let prints = Self.fingerprints(keys, isNarrow: isNarrow, keySeed)
            let values = keys.map { _ in Bool.random(using: &random) ? Int32.random(in: 0...9, using: &random) : nil }
            map.update(prints) { row, value in
                #expect(value == model[keys[row]], "seed \(seed) step \(step) row \(row)")
                value = values[row]
                model[keys[row]] = values[row]
            }
            #expect(map.count == model.count, "seed \(seed) step \(step)")
            map.forEach(prints) { row, value in #expect(value == model[keys[row]], "seed \(seed) step \(step)") }
            for row in keys.indices { #expect(map.value(of: prints, at: row) == model[keys[row]]) }
        }
    }

    @Test(arguments: [true, false])
    func `removes the keys of another map`(isNarrow: Bool) {
        for hasRuns in [false, true] {
            var map = PlaceMap(areNarrow: isNarrow)
            var others = KeyMap<Int32>(filler: 0)
            let keys = Self.fingerprints(Array(-5...20), isNarrow: isNarrow)
            map.update(keys) { $1 = KeyPlace(file: UInt32($0), row: 0) }
            if hasRuns { map.freeze() }
            others.update(Self.fingerprints(Array(-30...9), isNarrow: isNarrow)) { $1 = 1 }
            others.forEachBatch { map.update($0) { $1 = nil } }
            let expected = (0..<26).map { $0 - 5 > 9 ? KeyPlace(file: UInt32($0), row: 0) : .none }
            #expect(map.places(of: keys) == expected)
            #expect(map.count == 11)
        }
        KeyMap<Int32>(filler: 0).forEachBatch { _ in Issue.record("an empty map has a key") }
    }

    private typealias TableKey = FixedWidthInteger & UnsignedInteger & BitwiseCopyable & Sendable

    /// A table that has grown for the given keys.
    private func table<Key: TableKey>(of keys: [Key], _ seed: KeySeed) -> KeyTable<Key, UInt32> {
        var table = KeyTable<Key, UInt32>(filler: 0, seed: seed)
        for key in keys { table.set(key, 0) }
        return table
    }

    /// The slots at which the search for the given keys starts.
    private func homes<Key: TableKey>(_ keys: [Key], _ seed: KeySeed) -> Int {
        let table = table(of: keys, seed)
        return Set(keys.map { table.home($0) }).count
    }

    @Test(arguments: SeededGenerator.seeds(5))
    func `keys chosen to meet in a table of one seed spread in that of another`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let known = KeySeed(using: &random)
        let table = table(of: (0..<1000).map { _ in random.next() }, known)
        var chosen: [UInt64] = []
        while chosen.count < 1000 {
            let key = random.next()
            if table.home(key) < 8 { chosen.append(key) }
        }
        #expect(homes(chosen, known) <= 8)
        for _ in 0..<5 {
            let other = KeySeed(using: &random)
            // A thousand random keys in 2,048 slots occupy about 790 slots.
            #expect(homes(chosen, other) > 650, "seed \(seed)")
            #expect(homes(chosen.map { UInt128($0) << 64 | UInt128($0) }, other) > 650, "seed \(seed)")
        }
    }

    @Test(arguments: SeededGenerator.seeds(8))
    func `keys of any stride spread with every seed`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let keySeed = KeySeed(using: &random)
        for shift in stride(from: UInt64(0), through: 54, by: 6) {
            let keys = (UInt64(1)...1000).map { $0 << shift }
            #expect(homes(keys, keySeed) > 650, "seed \(seed) shift \(shift)")
        }
    }

    @Test func `wide fingerprints depend on the seed`() {
        var random = SeededGenerator(seed: 1)
        let first = Self.fingerprints([7], isNarrow: false, KeySeed(using: &random))
        let second = Self.fingerprints([7], isNarrow: false, KeySeed(using: &random))
        #expect(first[0] != second[0])
    }
}
