import Columnar
import KeyedState
import WeirTesting

/// Keys of tests as fingerprints, narrow or wide.
enum KeySamples {
    static func fingerprints(_ keys: [Int64], areNarrow: Bool, _ seed: KeySeed) -> KeyFingerprints {
        var builder = ColumnBuilder(.long)
        for key in keys { builder.append(.long(key)) }
        return KeyFingerprints([builder.finish()], count: keys.count, areNarrow: areNarrow, seed: seed)
    }

    /// Kinds of keys that a hash must tell apart: neighbours, extremes, and keys whose low or high halves are equal.
    static func universe(_ random: inout SeededGenerator) -> [Int64] {
        let size = Int64.random(in: 1...600, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return Array(-size...size)
        case 1: return (0...size).map { $0 << 32 }
        case 2: return (0...size).map { _ in Int64(bitPattern: random.next()) }
        default: return (0..<64).flatMap { [1 << $0, .max ^ (1 << $0), .min ^ (1 << $0)] } + [0, -1, .max, .min]
        }
    }
}

extension PlaceLoader {
    /// Adds the keys of neighbouring rows of a file.
    func add(_ keys: KeyFingerprints, file: UInt32, firstRow: UInt32 = 0) {
        add(keys, places: (0..<UInt32(keys.count)).map { KeyPlace(file: file, row: firstRow + $0) })
    }
}
