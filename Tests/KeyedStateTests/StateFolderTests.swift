import Bytes
import Foundation
import ObjectStorage
import Testing
import WeirTesting

@testable import KeyedState

@Suite(.hangGuard) struct StateFolderTests {
    private static let identity = StateIdentity(table: "5b1c", keys: "1: long", nodes: "all")
    private static let point = StatePoint(snapshotId: 77, sequence: 1234)

    /// A map of the keys 0 ..< count in several runs, some in files, and its places.
    private static func map(
        _ folder: StateFolder?,
        areNarrow: Bool,
        count: Int64 = 3000
    ) throws -> (map: PlaceMap, prints: KeyFingerprints, places: [KeyPlace]) {
        var random = SeededGenerator(seed: 3)
        var settings = PlaceMap.Settings()
        settings.shardBits = 2
        settings.recentKeys = 700
        let seed = KeySeed(using: &random)
        var map = PlaceMap(areNarrow: areNarrow, seed: seed, settings: settings)
        let keys = Array(0..<count)
        let prints = KeySamples.fingerprints(keys, areNarrow: areNarrow, seed)
        let places = keys.map { KeyPlace(file: UInt32($0 % 7), row: UInt32($0 * 3)) }
        map.replace(prints, with: places)
        if let folder { try map.spill(to: folder, memory: map.byteCount / 2) }
        let again = keys.filter { $0 % 3 == 0 }
        let moved = again.map { $0 % 2 == 0 ? KeyPlace.none : KeyPlace(file: 90, row: UInt32($0)) }
        map.replace(KeySamples.fingerprints(again, areNarrow: areNarrow, seed), with: moved)
        var expected = places
        for (key, place) in zip(again, moved) { expected[Int(key)] = place }
        return (map, prints, expected)
    }

    private static func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test(arguments: SeededGenerator.seeds(10), [true, false])
    func `agrees with a dictionary while its runs go to files and it is opened again`(
        seed: UInt64,
        areNarrow: Bool
    ) throws {
        try withTemporaryFolder { path in
            var random = SeededGenerator(seed: seed)
            var settings = PlaceMap.Settings()
            settings.shardBits = Int.random(in: 0...2, using: &random)
            settings.recentKeys = Int.random(in: 1...100, using: &random)
            let universe = Array(Set(KeySamples.universe(&random)))
            var map = PlaceMap(areNarrow: areNarrow, seed: KeySeed(using: &random), settings: settings)
            var folder: StateFolder? = try StateFolder(path)
            var expected: [Int64: KeyPlace] = [:]
            var saved: (count: Int, expected: [Int64: KeyPlace])?
            for step in 0..<60 {
                switch Int.random(in: 0..<8, using: &random) {
                case 0, 1:
                    guard let folder else { break }
                    try map.spill(to: folder, memory: Int.random(in: 0...20_000, using: &random))
                case 2:
                    guard let folder else { break }
                    try map.save(to: folder, as: Self.identity, at: Self.point, payload: [UInt8(step)])
                    saved = (step, expected)
                case 3:
                    // A restart: what was saved last is the map again.
                    folder = nil
                    let opened = try StateFolder(path)
                    folder = opened
                    guard let last = saved else { break }
                    guard case .saved(let state) = try PlaceMap.open(opened, as: Self.identity, settings: settings)
                    else {
                        Issue.record("seed \(seed) step \(step): not opened")
                        return
                    }
                    #expect(state.point == Self.point && state.payload == [UInt8(last.count)])
                    map = state.map
                    expected = last.expected
                default:
                    let keys = (0..<Int.random(in: 0...200, using: &random)).map { _ in
                        universe.randomElement(using: &random) ?? 0
                    }
                    let places = keys.map { _ in
                        random.next() % 3 == 0 ? .none : KeyPlace(file: UInt32(step), row: UInt32(random.next() % 999))
                    }
                    let before = map.replace(
                        KeySamples.fingerprints(keys, areNarrow: areNarrow, map.seed),
                        with: places
                    )
                    for (row, key) in keys.enumerated() {
                        #expect(before[row] == expected[key] ?? .none, "seed \(seed) step \(step)")
                        expected[key] = places[row].exists ? places[row] : nil
                    }
                }
                let prints = KeySamples.fingerprints(universe, areNarrow: areNarrow, map.seed)
                #expect(map.places(of: prints) == universe.map { expected[$0] ?? .none }, "seed \(seed) step \(step)")
                #expect(map.count == expected.count, "seed \(seed) step \(step)")
            }
        }
    }

    @Test(arguments: [true, false])
    func `runs past the memory go to files, which go when they are merged`(areNarrow: Bool) throws {
        try withTemporaryFolder { path in
            let folder = try StateFolder(path)
            var (map, prints, places) = try Self.map(folder, areNarrow: areNarrow)
            try map.spill(to: folder, memory: 0)
            #expect(map.byteCount < 4096)
            #expect(map.places(of: prints) == places)
            #expect(try Self.names(path).count(where: { $0.hasSuffix(".runs") }) >= 1)
            // All keys get new places: merging leaves nothing of the old runs.
            map.replace(prints, with: places.map { _ in .none })
            map.freeze()
            while let merge = map.dueMerge() { map.adopt(merge.merged()) }
            try map.spill(to: folder, memory: 0)
            #expect(map.count == 0)
            try map.save(to: folder, as: Self.identity, at: Self.point)
            #expect(try Self.names(path).filter { $0.hasSuffix(".runs") }.count <= 8)
        }
    }

    @Test(arguments: [true, false])
    func `a damaged byte of any file is found`(areNarrow: Bool) throws {
        try withTemporaryFolder { path in
            let folder = try StateFolder(path)
            var (map, prints, places) = try Self.map(folder, areNarrow: areNarrow, count: 900)
            try map.save(to: folder, as: Self.identity, at: Self.point, payload: Array("files".utf8))
            guard case .saved(let state) = try PlaceMap.open(folder, as: Self.identity) else {
                Issue.record("not opened")
                return
            }
            #expect(state.map.places(of: prints) == places)
            for name in try Self.names(path) where name != "LOCK" {
                let file = path + "/" + name
                let whole = try [UInt8](Data(contentsOf: URL(fileURLWithPath: file)))
                // Every byte of headers and of the list, some of the bodies.
                let steps = name == "state" ? 1 : 37
                let offsets = Array(0..<min(64, whole.count)) + Array(stride(from: 64, to: whole.count, by: steps))
                for offset in offsets {
                    var bytes = whole
                    bytes[offset] ^= 1 << UInt8(offset % 8)
                    try Self.replace(file, bytes)
                    try Self.expectUnusable(folder, "\(name) byte \(offset)")
                }
                for count in [0, 1, 63, whole.count / 2, whole.count - 1] {
                    try Self.replace(file, Array(whole.prefix(count)))
                    try Self.expectUnusable(folder, "\(name) cut to \(count)")
                }
                try Self.replace(file, whole)
            }
        }
    }

    /// Writes another file of that name: the old one may be mapped.
    private static func replace(_ file: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: file), options: .atomic)
    }

    private static func expectUnusable(_ folder: StateFolder, _ what: String) throws {
        guard case .unusable(let error) = try PlaceMap.open(folder, as: identity) else {
            Issue.record("\(what) is not found")
            return
        }
        #expect([.corrupt, .unsupported, .invalid].contains(error.code), "\(what): \(error)")
    }

    @Test func `the state of another table, of other keys or of other nodes is not used`() throws {
        try withTemporaryFolder { path in
            let folder = try StateFolder(path)
            var map = try Self.map(folder, areNarrow: true).map
            guard case .nothing = try PlaceMap.open(folder, as: Self.identity) else {
                Issue.record("there is something before it was saved")
                return
            }
            try map.save(to: folder, as: Self.identity, at: Self.point)
            var others = [Self.identity, Self.identity, Self.identity]
            others[0].table = "0000"
            others[1].keys = "1: int"
            others[2].nodes = "0-1"
            for other in others {
                guard case .unusable(let error) = try PlaceMap.open(folder, as: other) else {
                    Issue.record("the state of \(other) is used")
                    continue
                }
                #expect(error.code == .invalid)
            }
        }
    }

    @Test func `runs of two saves are not mixed`() throws {
        try withTemporaryFolder { path in
            let folder = try StateFolder(path)
            var (map, prints, places) = try Self.map(nil, areNarrow: true)
            try map.save(to: folder, as: Self.identity, at: Self.point)
            let first = try Self.names(path).filter { $0.hasSuffix(".runs") }
            let old = try Data(contentsOf: URL(fileURLWithPath: path + "/" + (first.first ?? "")))
            map.replace(prints, with: places.reversed())
            try map.save(to: folder, as: Self.identity, at: Self.point)
            let second = try Self.names(path).filter { $0.hasSuffix(".runs") }
            #expect(first.count == 1 && second.count == 1 && first != second)
            try Self.replace(path + "/" + (second.first ?? ""), [UInt8](old))
            try Self.expectUnusable(folder, "an older file under the newer name")
        }
    }

    @Test(arguments: [true, false])
    func `a save writes what is new, and again what lies in files of which little is left`(areNarrow: Bool) throws {
        try withTemporaryFolder { path in
            let folder = try StateFolder(path)
            var (map, prints, places) = try Self.map(folder, areNarrow: areNarrow)
            func save() throws { try map.save(to: folder, as: Self.identity, at: Self.point) }
            func runs() throws -> Set<String> { Set(try Self.names(path).filter { $0.hasSuffix(".runs") }) }
            try save()
            let first = try runs()
            try save()
            #expect(try runs() == first)
            let one = KeySamples.fingerprints([7], areNarrow: areNarrow, map.seed)
            map.replace(one, with: [KeyPlace(file: 91, row: 1)])
            places[7] = KeyPlace(file: 91, row: 1)
            try save()
            #expect(try runs().isSuperset(of: first) && runs().count == first.count + 1)
            // What is saved need not be written again to be moved out of memory.
            let second = try runs()
            try map.spill(to: folder, memory: 0)
            #expect(try runs() == second && map.byteCount < 4096)
            // Nearly all runs are merged, and the few that are not are written again.
            for round in 0..<6 {
                let some = Array(Int64(0)..<2900)
                let moved = some.map { KeyPlace(file: UInt32(100 + round), row: UInt32($0)) }
                map.replace(KeySamples.fingerprints(some, areNarrow: areNarrow, map.seed), with: moved)
                for (key, place) in zip(some, moved) { places[Int(key)] = place }
                map.freeze()
                while let merge = map.dueMerge() { map.adopt(merge.merged()) }
                try save()
                let sizes = try folder.sizes().values.reduce(0, +)
                #expect(sizes < 4 * 3000 * 40, "round \(round)")
            }
            #expect(try runs().isDisjoint(with: first))
            guard case .saved(let state) = try PlaceMap.open(folder, as: Self.identity) else {
                Issue.record("not opened")
                return
            }
            #expect(map.places(of: prints) == places && state.map.places(of: prints) == places)
        }
    }

    @Test func `a folder that was removed is made again, unless another process has made it`() throws {
        try withTemporaryFolder { path in
            let folder = try StateFolder(path + "/keys")
            var (map, prints, places) = try Self.map(folder, areNarrow: true)
            try map.save(to: folder, as: Self.identity, at: Self.point)
            try folder.restore()
            try FileManager.default.removeItem(atPath: path + "/keys")
            map.replace(prints, with: places.reversed())
            #expect(throws: WeirError.self) { try map.save(to: folder, as: Self.identity, at: Self.point) }
            try folder.restore()
            try map.save(to: folder, as: Self.identity, at: Self.point)
            guard case .saved(let state) = try PlaceMap.open(folder, as: Self.identity) else {
                Issue.record("not opened")
                return
            }
            #expect(state.map.places(of: prints) == places.reversed())
            try FileManager.default.removeItem(atPath: path + "/keys")
            let other = try StateFolder(path + "/keys")
            let error = #expect(throws: WeirError.self) { try folder.restore() }
            #expect(error?.code == .locked && other.path == folder.path)
            // What it writes all the same takes no file of the other one's.
            _ = try other.write { (_) throws(WeirError) in }
            let before = try other.sizes()
            map.replace(prints, with: places)
            try map.spill(to: folder, memory: 0)
            for (name, size) in before { #expect(try other.sizes()[name] == size) }
        }
    }

    @Test func `a folder has one owner`() throws {
        try withTemporaryFolder { path in
            let folder = try StateFolder(path)
            do {
                _ = try StateFolder(path)
                Issue.record("it is opened twice")
            } catch let error as WeirError {
                #expect(error.code == .locked)
            }
            _ = folder.path
        }
    }

    @Test func `a folder that was opened on a full disk can be used later`() throws {
        for step in 0..<8 {
            try withTemporaryFolder { folder in
                let files = FaultyFileSystem(failAt: step, fault: .outOfSpace)
                guard let opened = try? StateFolder(folder + "/table", files: files) else { return }
                func restore() throws { if (try? opened.restore()) == nil { try opened.restore() } }
                try restore()
                // Now somebody removes it.
                try FileManager.default.removeItem(atPath: folder + "/table")
                try restore()
                #expect(throws: WeirError.self, "step \(step)") { try StateFolder(folder + "/table") }
            }
        }
    }

    @Test(arguments: [FaultyFileSystem.Fault.crash, .outOfSpace])
    func `a write that fails at any step leaves the map whole and the saved state usable`(
        fault: FaultyFileSystem.Fault
    ) throws {
        for step in 0..<200 {
            let isOver = try withTemporaryFolder { path in
                var (first, _, _) = try Self.map(nil, areNarrow: true, count: 500)
                do {
                    let folder = try StateFolder(path)
                    try first.save(to: folder, as: Self.identity, at: StatePoint(snapshotId: 1, sequence: 1))
                }
                let files = FaultyFileSystem(failAt: step, fault: fault)
                var (map, prints, places) = try Self.map(nil, areNarrow: true)
                var isOver = false
                do {
                    let folder = try StateFolder(path, files: files)
                    try map.spill(to: folder, memory: map.byteCount / 3)
                    try map.save(to: folder, as: Self.identity, at: StatePoint(snapshotId: 2, sequence: 2))
                    isOver = true
                } catch is WeirError {}
                #expect(map.places(of: prints) == places, "step \(step)")
                guard case .saved(let state) = try PlaceMap.open(try StateFolder(path), as: Self.identity) else {
                    Issue.record("step \(step): nothing usable is left")
                    return true
                }
                #expect(state.point.snapshotId == (state.map.count == map.count ? 2 : 1), "step \(step)")
                return isOver
            }
            if isOver { return }
        }
        Issue.record("it never ends")
    }
}
