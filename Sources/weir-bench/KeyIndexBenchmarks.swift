import Bytes
import Columnar
import Foundation
import KeyedState
import ObjectStorage

/// The key index alone: loading from the key columns of Parquet files, memory, look-ups in memory and from files, and
/// the start with a saved state.
enum KeyIndexBenchmarks {
    private static let keys = 10_000_000
    private static let fileRows = 500_000
    private static let batchRows = 65_536
    private static let schema = Schema([Field(id: 1, name: "id", type: .long, isRequired: true)])
    private static let identity = StateIdentity(table: "bench", keys: "1: long", nodes: "all")

    static func run() throws {
        let folder = Benchmark.folder("key-index")
        defer { Benchmark.remove(folder) }
        let storage = LocalObjectStorage()
        let files = (0..<(keys / fileRows)).map { "file://\(folder)/\($0).parquet" }
        for (number, path) in files.enumerated() { try write(path, number, to: storage) }

        let loader = PlaceLoader(areNarrow: true)
        var map = PlaceMap(areNarrow: true)
        let load = try Benchmark.cost {
            _ = try concurrently(Array(files.enumerated())) { (file) throws(WeirError) in
                let reader = try ParquetFileReader(try storage.open(file.element), schema: schema)
                while let (batch, firstRow) = try reader.next() {
                    let prints = KeyFingerprints(batch.columns, count: batch.count, areNarrow: true)
                    loader.add(prints, places: places(of: file.offset, from: Int(firstRow), batch.count))
                }
            }
            map = loader.finish().map
        }
        guard map.count == keys else { throw WeirError(.corrupt, "\(map.count) of \(keys) keys are loaded") }
        Benchmark.line(
            "key index, load from Parquet key columns",
            rate: Double(keys) / load.wall,
            unit: "keys/s",
            target: 6_000_000,
            detail: "10 M narrow keys, \(load.text)"
        )
        let bytes = Double(map.byteCount) / Double(keys)
        Benchmark.line(
            "key index, memory",
            String(format: "%.1f bytes a key", bytes),
            goal: Benchmark.Goal(text: "≤ 16", isMet: bytes <= 16),
            detail: "10 M narrow keys"
        )
        lookUp(map, "in memory")
        try change(&map)
        try start(&map, folder + "/saved")
        try spill(folder + "/spilled")
    }

    private static func write(_ path: String, _ number: Int, to storage: LocalObjectStorage) throws {
        let writer = try ParquetFileWriter(schema: schema, to: try storage.create(path))
        for start in stride(from: 0, to: fileRows, by: batchRows) {
            var ids = ColumnBuilder(.long, capacity: batchRows)
            for row in start..<min(start + batchRows, fileRows) { ids.append(key(number * fileRows + row)) }
            let column = ids.finish()
            try writer.write(ColumnBatch(schema: schema, columns: [column], count: column.count))
        }
        _ = try writer.finish()
    }

    /// The key with a number: no two are equal, and they come in no order.
    private static func key(_ number: Int) -> Int64 { Int64(truncatingIfNeeded: number &* 0x1e37_79b9_7f4a_7c15) }

    /// The places of neighbouring rows of a file.
    private static func places(of file: Int, from first: Int = 0, _ count: Int) -> [KeyPlace] {
        (first..<first + count).map { KeyPlace(file: UInt32(file), row: UInt32($0)) }
    }

    private static func randomKeys(_ batches: Int, of count: Int, from first: Int = 0) -> [KeyFingerprints] {
        var state: UInt64 = 7
        return (0..<batches).map { _ in
            .narrow(
                (0..<batchRows).map { _ in
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return UInt64(bitPattern: key(first + Int((state >> 33) % UInt64(count))))
                }
            )
        }
    }

    private static func lookUp(_ map: PlaceMap, _ whereFrom: String, of count: Int = keys) {
        for (name, first) in [("present", 0), ("absent", count)] {
            let wanted = randomKeys(16, of: count, from: first)
            var found = 0
            let cost = Benchmark.medianCost(of: 3) {
                found = 0
                for keys in wanted { found += map.places(of: keys).reduce(0) { $0 + ($1.exists ? 1 : 0) } }
            }
            precondition(found == (first == 0 ? 16 * batchRows : 0), "the benchmark looks up what it loaded")
            Benchmark.line(
                "key index, look-up \(whereFrom), \(name) keys",
                rate: Double(16 * batchRows) / cost.wall,
                unit: "keys/s",
                detail: "random, one thread, \(cost.text)"
            )
        }
    }

    private static func change(_ map: inout PlaceMap) throws {
        let batches = 64
        let wanted = randomKeys(batches, of: keys * 2)
        var longest = 0.0
        let cost = Benchmark.cost {
            for (number, keys) in wanted.enumerated() {
                let places = places(of: 1000 + number, batchRows)
                longest = max(longest, Benchmark.seconds { map.replace(keys, with: places) })
            }
        }
        Benchmark.line(
            "key index, changes, half of new keys",
            rate: Double(batches * batchRows) / cost.wall,
            unit: "keys/s",
            detail: "merging included, \(cost.text), longest batch of \(batchRows) \(Benchmark.milliseconds(longest)), "
                + String(format: "then %.1f bytes a key", Double(map.byteCount) / Double(map.count))
        )
    }

    private static func start(_ map: inout PlaceMap, _ path: String) throws {
        let point = StatePoint(snapshotId: 1, sequence: 1)
        let save = try Benchmark.cost { try map.save(to: try StateFolder(path), as: identity, at: point) }
        let count = map.count
        let open = try Benchmark.cost {
            guard case .saved(let state) = try PlaceMap.open(try StateFolder(path), as: identity),
                state.map.count == count
            else { throw WeirError(.corrupt, "the saved state cannot be used") }
            map = state.map
        }
        Benchmark.line(
            "key index, warm start",
            Benchmark.milliseconds(open.wall),
            goal: Benchmark.Goal(text: "≤ 2 s", isMet: open.wall <= 2),
            detail: "\(Benchmark.magnitude(Double(count))) keys, all bytes checked; saved in \(save.text)"
        )
    }

    /// A state four times its memory.
    private static func spill(_ path: String) throws {
        let count = 2 * keys
        let memory = count * 11 / 4
        let folder = try StateFolder(path)
        var map = PlaceMap(areNarrow: true)
        let loader = PlaceLoader(areNarrow: true)
        var waiting = 0
        let cost = try Benchmark.cost {
            for start in stride(from: 0, to: count, by: batchRows) {
                let part = start..<min(start + batchRows, count)
                let prints = KeyFingerprints.narrow(part.map { UInt64(bitPattern: key($0)) })
                loader.add(prints, places: places(of: start / batchRows, part.count))
                waiting += part.count * MemoryLayout<(UInt64, KeyPlace)>.stride
                if waiting < 2 * memory { continue }
                waiting = 0
                _ = loader.drain(into: &map)
                try map.spill(to: folder, memory: memory)
            }
            _ = loader.drain(into: &map)
            while let merge = map.dueMerge() {
                map.adopt(merge.merged())
                try map.spill(to: folder, memory: memory)
            }
            try map.spill(to: folder, memory: memory)
        }
        Benchmark.line(
            "key index, load of four times its memory",
            rate: Double(count) / cost.wall,
            unit: "keys/s",
            detail: "20 M keys, \(map.byteCount >> 20) MB in memory, \(cost.text)"
        )
        lookUp(map, "at four times its memory", of: count)
    }
}
