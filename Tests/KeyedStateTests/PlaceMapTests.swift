import Testing
import WeirTesting

@testable import KeyedState

@Suite(.hangGuard) struct PlaceMapTests {
    /// A map, and what a dictionary says it must hold.
    private struct Model {
        let areNarrow: Bool
        let keySeed: KeySeed
        let universe: [Int64]
        var map: PlaceMap
        var expected: [Int64: KeyPlace] = [:]
        var moves = FileMoves()
        var nextFile: UInt32

        init(_ random: inout SeededGenerator, areNarrow: Bool) {
            self.areNarrow = areNarrow
            keySeed = KeySeed(using: &random)
            universe = KeySamples.universe(&random)
            var settings = PlaceMap.Settings()
            settings.shardBits = Int.random(in: 0...3, using: &random)
            settings.recentKeys = Int.random(in: 1...80, using: &random)
            settings.mergesInline = Bool.random(using: &random)
            map = PlaceMap(areNarrow: areNarrow, seed: keySeed, settings: settings)
            nextFile = Bool.random(using: &random) ? 0 : UInt32.max - 10_000
        }

        func prints(_ keys: [Int64]) -> KeyFingerprints {
            KeySamples.fingerprints(keys, areNarrow: areNarrow, keySeed)
        }

        func batch(_ random: inout SeededGenerator) -> [Int64] {
            (0..<Int.random(in: 0...150, using: &random)).map { _ in universe.randomElement(using: &random) ?? 0 }
        }

        /// New places or removals for random keys.
        mutating func change(_ random: inout SeededGenerator) -> Bool {
            let keys = batch(&random)
            let largest: UInt32 = [1, 200, 70_000, .max][Int.random(in: 0..<4, using: &random)]
            let places = keys.map { _ in
                random.next() % 4 == 0
                    ? KeyPlace.none : KeyPlace(file: nextFile, row: UInt32.random(in: 0...largest, using: &random))
            }
            nextFile += 1
            let before = map.replace(prints(keys), with: places)
            var isEqual = true
            for (row, key) in keys.enumerated() {
                isEqual = isEqual && before[row] == expected[key] ?? .none
                expected[key] = places[row].exists ? places[row] : nil
            }
            return isEqual
        }

        /// Rewrites a file that has rows into a new one, without some of the rows.
        mutating func rewrite(_ random: inout SeededGenerator) {
            // In an order that the seed decides.
            guard let file = expected.values.map(\.file).sorted().randomElement(using: &random) else { return }
            if map.isFinal { moves = FileMoves() }
            moves.files[file] = nextFile
            for (key, place) in expected.sorted(by: { $0.key < $1.key }) where place.file == file {
                if random.next() % 5 == 0 {
                    moves.gone.insert(place)
                } else {
                    expected[key] = KeyPlace(file: nextFile, row: place.row)
                }
            }
            // A dropped row is dropped for all its keys.
            expected = expected.filter { !moves.gone.contains($0.value) }
            expected = expected.filter { key, place in
                place.file != nextFile || !moves.gone.contains(KeyPlace(file: file, row: place.row))
            }
            nextFile += 1
            map.translate(through: moves)
        }

        var agrees: Bool {
            map.places(of: prints(universe)) == universe.map { expected[$0] ?? .none }
        }
    }

    @Test(arguments: SeededGenerator.seeds(15), [true, false])
    func `agrees with a dictionary through changes, merges and rewrites`(seed: UInt64, areNarrow: Bool) {
        var random = SeededGenerator(seed: seed)
        var model = Model(&random, areNarrow: areNarrow)
        var pending: [PlaceMerge] = []
        for step in 0..<90 {
            switch Int.random(in: 0..<12, using: &random) {
            case 0: model.map.freeze()
            case 1: model.rewrite(&random)
            case 2, 3:
                // Merges of another thread: what they began with may have changed when they end.
                if let merge = model.map.dueMerge(finalizes: Bool.random(using: &random)) { pending.append(merge) }
                if !pending.isEmpty, Bool.random(using: &random) {
                    model.map.adopt(pending.remove(at: Int.random(in: 0..<pending.count, using: &random)).merged())
                }
            case 4:
                #expect(model.agrees, "seed \(seed) step \(step)")
            default:
                let isEqual = model.change(&random)
                #expect(isEqual, "seed \(seed) step \(step)")
            }
            #expect(model.map.count == model.expected.count, "seed \(seed) step \(step)")
            // As long as places have to be translated, there is a merge that does it.
            var copy = model.map
            let isEnding = copy.isFinal || copy.dueMerge(finalizes: true) != nil
            #expect(isEnding, "seed \(seed) step \(step)")
        }
        #expect(model.agrees, "seed \(seed)")
        while let merge = model.map.dueMerge(finalizes: true) {
            let isAdopted = model.map.adopt(merge.merged())
            #expect(isAdopted, "seed \(seed)")
            if !isAdopted { break }
        }
        #expect(model.map.isFinal, "seed \(seed)")
        #expect(model.agrees, "seed \(seed)")
        #expect(model.map.count == model.expected.count, "seed \(seed)")
    }

    @Test(arguments: SeededGenerator.seeds(6), [true, false])
    func `a copy stays as it was`(seed: UInt64, areNarrow: Bool) {
        var random = SeededGenerator(seed: seed)
        var model = Model(&random, areNarrow: areNarrow)
        for _ in 0..<20 { _ = model.change(&random) }
        let copy = model
        for _ in 0..<20 { _ = model.change(&random) }
        model.rewrite(&random)
        #expect(copy.agrees, "seed \(seed)")
        #expect(model.agrees, "seed \(seed)")
    }

    @Test func `a later row of the same key sees the earlier one`() {
        var map = PlaceMap(areNarrow: true)
        let keys = KeyFingerprints.narrow([7, 7, 7])
        let first = KeyPlace(file: 1, row: 2)
        let second = KeyPlace(file: 1, row: 3)
        var before = map.replace(keys, with: [first, .none, second])
        #expect(before == [.none, first, .none])
        map.freeze()
        before = map.replace(keys, with: [.none, first, .none])
        #expect(before == [second, .none, first])
        #expect(map.places(of: keys) == [.none, .none, .none])
        #expect(map.count == 0)
    }

    @Test(arguments: [true, false])
    func `many threads look keys up while others merge`(areNarrow: Bool) async {
        var random = SeededGenerator(seed: 11)
        var settings = PlaceMap.Settings()
        settings.recentKeys = 500
        settings.shardBits = 2
        settings.mergesInline = false
        let seed = KeySeed(using: &random)
        var map = PlaceMap(areNarrow: areNarrow, seed: seed, settings: settings)
        let keys = Array(Int64(0)..<4000)
        let prints = KeySamples.fingerprints(keys, areNarrow: areNarrow, seed)
        var adopted = 0
        for round in UInt32(0)..<8 {
            map.replace(prints, with: keys.map { KeyPlace(file: round, row: UInt32($0)) })
            let picture = map
            async let merges = withTaskGroup { group in
                var source = picture
                while let merge = source.dueMerge() {
                    source.adopt(merge.merged())
                    group.addTask { merge.merged() }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            async let seen = picture.places(of: prints)
            #expect(map.places(of: prints) == keys.map { KeyPlace(file: round, row: UInt32($0)) })
            #expect(await seen == keys.map { KeyPlace(file: round, row: UInt32($0)) })
            for merged in await merges where map.adopt(merged) { adopted += 1 }
        }
        #expect(adopted > 0)
        #expect(map.count == keys.count)
    }

    @Test(arguments: SeededGenerator.seeds(10))
    func `a hash gives its fingerprint back`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let keySeed = KeySeed(using: &random)
        for key in KeySamples.universe(&random).map({ UInt64(bitPattern: $0) }) {
            #expect(UInt64.of(key, keySeed).fingerprint(keySeed) == key, "seed \(seed)")
        }
    }
}
