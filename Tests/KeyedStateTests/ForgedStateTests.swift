import Bytes
import Foundation
import ObjectStorage
import Testing
import WeirTesting

@testable import KeyedState

/// State files whose checksums are right and whose numbers are not.
@Suite(.hangGuard) struct ForgedStateTests {
    private static let identity = StateIdentity(table: "5b1c", keys: "1: long", nodes: "all")

    private static func map(areNarrow: Bool, _ seed: KeySeed) -> (map: PlaceMap, prints: KeyFingerprints) {
        var settings = PlaceMap.Settings()
        settings.shardBits = 1
        settings.recentKeys = 100
        var map = PlaceMap(areNarrow: areNarrow, seed: seed, settings: settings)
        let keys = Array(Int64(0)..<700)
        let prints = KeySamples.fingerprints(keys, areNarrow: areNarrow, seed)
        map.replace(prints, with: keys.map { KeyPlace(file: UInt32($0 % 7), row: UInt32($0 * 3)) })
        let some = KeySamples.fingerprints(Array(keys.prefix(120)), areNarrow: areNarrow, seed)
        map.replace(some, with: (0..<120).map { $0 % 2 == 0 ? .none : KeyPlace(file: 9, row: $0) })
        return (map, prints)
    }

    private static func read(_ file: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(fileURLWithPath: file)))
    }

    /// Writes another file of that name: the old one may be mapped.
    private static func write(_ bytes: [UInt8], _ file: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: file), options: .atomic)
    }

    /// Replaces the four bytes at an offset by the checksum of a part.
    private static func seal(_ bytes: inout [UInt8], at offset: Int, of part: Range<Int>) -> UInt32 {
        let sum = bytes[part].withUnsafeBytes { CRC32C.checksum($0) }
        for byte in 0..<4 { bytes[offset + byte] = UInt8(truncatingIfNeeded: sum >> UInt32(byte * 8)) }
        return sum
    }

    @Test(arguments: [0, 1, 5])
    func `a run in a file that is not listed is found`(file: Int) throws {
        try withTemporaryFolder { path in
            let folder = try StateFolder(path)
            var map = Self.map(areNarrow: true, .process).map
            try map.save(to: folder, as: Self.identity, at: StatePoint(snapshotId: 1, sequence: 1))
            var list = try SavedList(Self.read(path + "/state"), name: "state")
            list.files = Array(list.files.prefix(file))
            for shard in list.shards.indices {
                for run in list.shards[shard].indices { list.shards[shard][run].file = file }
            }
            try Self.write(list.encoded(), path + "/state")
            guard case .unusable(let error) = try PlaceMap.open(folder, as: Self.identity) else {
                Issue.record("it is used")
                return
            }
            #expect(error.code == .corrupt)
        }
    }

    @Test func `a state with more keys than entries is not used`() throws {
        try withTemporaryFolder { path in
            let folder = try StateFolder(path)
            var map = Self.map(areNarrow: true, .process).map
            try map.save(to: folder, as: Self.identity, at: StatePoint(snapshotId: 1, sequence: 1))
            var list = try SavedList(Self.read(path + "/state"), name: "state")
            list.keyCount += 1000
            try Self.write(list.encoded(), path + "/state")
            guard case .unusable(let error) = try PlaceMap.open(folder, as: Self.identity) else {
                Issue.record("it is used")
                return
            }
            #expect(error.code == .corrupt)
        }
    }

    /// What is read is either not used, or used without harm: no number of a file ends the process.
    @Test(arguments: SeededGenerator.seeds(4), [true, false])
    func `no number of a state file ends the process`(seed: UInt64, areNarrow: Bool) throws {
        try withTemporaryFolder { path in
            var random = SeededGenerator(seed: seed)
            let folder = try StateFolder(path)
            var (map, prints) = Self.map(areNarrow: areNarrow, KeySeed(using: &random))
            try map.save(to: folder, as: Self.identity, at: StatePoint(snapshotId: 1, sequence: 1))
            let whole = try Self.read(path + "/state")
            let list = try SavedList(whole, name: "state")
            let runs = try Self.read(path + "/" + #require(list.files.first))
            for _ in 0..<60 {
                let values: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, UInt8(truncatingIfNeeded: random.next())]
                let value = values.randomElement(using: &random) ?? 0
                if Bool.random(using: &random) {
                    var bytes = whole
                    bytes[Int.random(in: 8..<(whole.count - 4), using: &random)] = value
                    _ = Self.seal(&bytes, at: whole.count - 4, of: 0..<(whole.count - 4))
                    try Self.write(bytes, path + "/state")
                    try Self.write(runs, path + "/" + list.files[0])
                } else {
                    try Self.forge(list, runs, value, path, &random)
                }
                guard case .saved(let state) = try PlaceMap.open(folder, as: Self.identity) else { continue }
                var map = state.map
                let places = map.places(of: prints)
                map.replace(prints, with: places.reversed())
                map.freeze()
                while let merge = map.dueMerge() { map.adopt(merge.merged()) }
                _ = map.places(of: prints)
            }
        }
    }

    /// Changes a byte of the header or of the lines of a run.
    private static func forge(
        _ list: SavedList,
        _ runs: [UInt8],
        _ value: UInt8,
        _ path: String,
        _ random: inout SeededGenerator
    ) throws {
        var list = list
        var bytes = runs
        let shard = try #require(list.shards.indices.filter { !list.shards[$0].isEmpty }.randomElement(using: &random))
        let run = Int.random(in: 0..<list.shards[shard].count, using: &random)
        let start = list.shards[shard][run].offset
        let end = list.shards.joined().map(\.offset).filter { $0 > start }.min() ?? bytes.count
        // The header without its checksums, or the first lines and entries.
        let offset =
            Bool.random(using: &random)
            ? Int.random(in: 8..<48, using: &random)
            : Int.random(in: 64..<min(end - start, 400), using: &random)
        bytes[start + offset] = value
        let sum = seal(&bytes, at: start + 48, of: (start + RunFile.headerBytes)..<end)
        _ = seal(&bytes, at: start + 52, of: start..<(start + 52))
        list.shards[shard][run].checksum = sum
        try write(list.encoded(), path + "/state")
        try write(bytes, path + "/" + list.files[0])
    }

    @Test func `a file with the highest number does not end the numbers`() throws {
        try withTemporaryFolder { path in
            for number in [UInt64.max - 1, 1 << 62, 1 << 62 - 1] { try Self.write([], "\(path)/\(number).runs") }
            let folder = try StateFolder(path)
            var (map, prints) = Self.map(areNarrow: true, .process)
            let places = map.places(of: prints)
            for _ in 0..<3 { try map.save(to: folder, as: Self.identity, at: StatePoint(snapshotId: 1, sequence: 1)) }
            guard case .saved(let state) = try PlaceMap.open(folder, as: Self.identity) else {
                Issue.record("the state is not used")
                return
            }
            #expect(state.map.places(of: prints) == places)
        }
    }
}
