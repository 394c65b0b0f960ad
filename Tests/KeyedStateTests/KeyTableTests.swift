import Testing
import WeirTesting

@testable import KeyedState

@Suite(.hangGuard) struct KeyTableTests {
    @Test(arguments: SeededGenerator.seeds(20))
    func `agrees with a dictionary under random sets and removals`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var table = KeyTable<UInt64, UInt32>(filler: 0)
        var model: [UInt64: UInt32] = [:]
        for step in 0..<20_000 {
            // A small range of keys, so that most are set and removed many times; 0 is among them.
            let key = random.next() % 700
            if random.next() % 3 == 0 {
                #expect(table.remove(key) == model.removeValue(forKey: key), "seed \(seed) step \(step)")
            } else {
                let value = UInt32(truncatingIfNeeded: random.next())
                #expect(table.set(key, value) == model.updateValue(value, forKey: key), "seed \(seed) step \(step)")
            }
        }
        #expect(table.count == model.count)
        for key in UInt64(0)..<700 { #expect(table.find(key) == model[key]) }
        var seen: [UInt64: UInt32] = [:]
        table.forEach { seen[$0] = $1 }
        #expect(seen == model)
    }

    @Test func `keys that meet in one slot stay apart`() {
        var table = KeyTable<UInt128, UInt32>(filler: 0)
        let keys = (1...64).map { UInt128($0) << 64 | UInt128($0) }
        for (value, key) in keys.enumerated() { table.set(key, UInt32(value)) }
        for (value, key) in keys.enumerated() { #expect(table.find(key) == UInt32(value)) }
        for key in keys.dropFirst() { table.remove(key) }
        #expect(table.count == 1)
        #expect(table.find(keys[0]) == 0)
    }
}
