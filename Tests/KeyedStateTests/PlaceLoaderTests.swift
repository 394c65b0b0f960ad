import Bytes
import KeyedState
import Testing
import WeirTesting

@Suite(.hangGuard) struct PlaceLoaderTests {
    @Test(arguments: SeededGenerator.seeds(12), [true, false])
    func `a map loaded by several threads has every key`(seed: UInt64, areNarrow: Bool) throws {
        var random = SeededGenerator(seed: seed)
        let keySeed = KeySeed(using: &random)
        var settings = PlaceMap.Settings()
        settings.shardBits = Int.random(in: 0...4, using: &random)
        let loader = PlaceLoader(areNarrow: areNarrow, seed: keySeed, settings: settings)
        let universe = Array(Set(KeySamples.universe(&random)))
        var expected: [Int64: KeyPlace] = [:]
        var batches: [(file: UInt32, firstRow: UInt32, keys: [Int64])] = []
        var rows = 0
        for file in UInt32(0)..<5 {
            var firstRow: UInt32 = 0
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                let keys = (0..<Int.random(in: 0...300, using: &random)).map { _ in
                    universe.randomElement(using: &random) ?? 0
                }
                batches.append((file, firstRow, keys))
                for (row, key) in keys.enumerated() {
                    expected[key] = KeyPlace(file: file, row: firstRow + UInt32(row))
                }
                firstRow += UInt32(keys.count)
                rows += keys.count
            }
        }
        // Batches arrive in any order; the last place of a key by file and row is the one that counts.
        _ = try concurrently(batches.shuffled(using: &random)) { batch in
            let prints = KeySamples.fingerprints(batch.keys, areNarrow: areNarrow, keySeed)
            loader.add(prints, file: batch.file, firstRow: batch.firstRow)
        }
        var (map, repeats) = loader.finish()
        let prints = KeySamples.fingerprints(universe, areNarrow: areNarrow, keySeed)
        #expect(map.places(of: prints) == universe.map { expected[$0] ?? .none }, "seed \(seed)")
        #expect(map.count == expected.count, "seed \(seed)")
        #expect(repeats == rows - expected.count, "seed \(seed)")
        map.replace(prints, with: universe.map { _ in .none })
        #expect(map.count == 0, "seed \(seed)")
    }

    @Test(arguments: SeededGenerator.seeds(12), [true, false])
    func `a map loaded in parts has the last place of every key`(seed: UInt64, areNarrow: Bool) {
        var random = SeededGenerator(seed: seed)
        let keySeed = KeySeed(using: &random)
        var settings = PlaceMap.Settings()
        settings.shardBits = Int.random(in: 0...3, using: &random)
        settings.recentKeys = 50
        let loader = PlaceLoader(areNarrow: areNarrow, seed: keySeed, settings: settings)
        var map = PlaceMap(areNarrow: areNarrow, seed: keySeed, settings: settings)
        let universe = Array(Set(KeySamples.universe(&random)))
        var expected: [Int64: KeyPlace] = [:]
        // More parts than a shard has room for runs.
        for file in UInt32(0)..<40 {
            let keys = (0..<Int.random(in: 1...200, using: &random)).map { _ in
                universe.randomElement(using: &random) ?? 0
            }
            let prints = KeySamples.fingerprints(keys, areNarrow: areNarrow, keySeed)
            if random.next() % 4 == 0 {
                map.replace(prints, with: keys.map { _ in .none })
                for key in keys { expected[key] = nil }
                continue
            }
            loader.add(prints, file: file)
            var before: [KeyPlace] = []
            for (row, key) in keys.enumerated() {
                let place = expected.updateValue(KeyPlace(file: file, row: UInt32(row)), forKey: key)
                if let place { before.append(place) }
            }
            var overwritten: [KeyPlace] = []
            loader.drain(into: &map, overwritten: &overwritten)
            #expect(
                overwritten.sorted { $0.word < $1.word } == before.sorted { $0.word < $1.word },
                "seed \(seed) file \(file)"
            )
            #expect(map.count == expected.count, "seed \(seed) file \(file)")
        }
        let prints = KeySamples.fingerprints(universe, areNarrow: areNarrow, keySeed)
        #expect(map.places(of: prints) == universe.map { expected[$0] ?? .none }, "seed \(seed)")
    }

    @Test func `keys that are repeated very often have their last place`() {
        // Two keys of one bucket take turns: far more than are sorted by insertion.
        let loader = PlaceLoader(areNarrow: false)
        loader.add(.wide((0..<4000).map { UInt128($0 & 1) }), file: 1)
        let (map, repeats) = loader.finish()
        #expect(
            map.places(of: .wide([0, 1, 2])) == [
                KeyPlace(file: 1, row: 3998), KeyPlace(file: 1, row: 3999), .none,
            ]
        )
        #expect(repeats == 3998)
    }

    @Test(arguments: [true, false])
    func `keys whose rows a translation dropped are loaded again as new ones`(areNarrow: Bool) {
        var random = SeededGenerator(seed: 4)
        let seed = KeySeed(using: &random)
        let loader = PlaceLoader(areNarrow: areNarrow, seed: seed)
        let keys = Array(Int64(0)..<1000)
        let prints = KeySamples.fingerprints(keys, areNarrow: areNarrow, seed)
        loader.add(prints, file: 1)
        var (map, _) = loader.finish()
        map.translate(through: FileMoves(files: [1: 2], gone: Set((0..<300).map { KeyPlace(file: 1, row: $0) })))
        #expect(map.count == 700 && !map.isFinal)
        // A hundred of the keys that were dropped, and a hundred of the others.
        loader.add(KeySamples.fingerprints(Array(200..<400), areNarrow: areNarrow, seed), file: 3)
        let repeats = loader.drain(into: &map)
        #expect(repeats == 100)
        #expect(map.count == 800)
        let expected = keys.map { key in
            switch key {
            case ..<200: KeyPlace.none
            case ..<400: KeyPlace(file: 3, row: UInt32(key - 200))
            default: KeyPlace(file: 2, row: UInt32(key))
            }
        }
        #expect(map.places(of: prints) == expected)
    }

    @Test func `a narrow key takes at most sixteen bytes and a wide one twenty-four`() {
        for areNarrow in [true, false] {
            var random = SeededGenerator(seed: 5)
            var settings = PlaceMap.Settings()
            settings.shardBits = 4
            let loader = PlaceLoader(areNarrow: areNarrow, settings: settings)
            let count = 200_000
            for file in UInt32(0)..<10 {
                let keys = (0..<(count / 10)).map { _ in random.next() }
                loader.add(
                    areNarrow ? .narrow(keys) : .wide(keys.map { UInt128($0) << 64 | UInt128(random.next()) }),
                    file: file * 1000
                )
            }
            let (map, _) = loader.finish()
            #expect(map.count == count)
            #expect(map.byteCount <= count * (areNarrow ? 16 : 24), "\(map.byteCount) bytes")
        }
    }
}
