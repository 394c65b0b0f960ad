import Foundation
import Testing
import WeirTesting

/// Damages every file of a warehouse in turn: commands end with an error or the right rows, and never crash.
@Suite(.serialized, .mostlyWaits, .hangGuard) struct WarehouseDamageTests {
    private enum Damage: CaseIterable {
        case missing, emptied, cut, flipped

        func apply(to whole: Data, random: inout SeededGenerator) -> Data? {
            switch self {
            case .missing: return nil
            case .emptied: return Data()
            case .cut: return whole.prefix(whole.count - 1 - Int(random.next() % UInt64(max(1, whole.count - 1))))
            case .flipped:
                var bytes = [UInt8](whole)
                for _ in 0..<8 { bytes[Int(random.next() % UInt64(bytes.count))] ^= UInt8(1 + random.next() % 255) }
                return Data(bytes)
            }
        }
    }

    /// Writes changes in two epochs around an optimize, which produces files of every kind.
    private static func prepare(_ folder: String) throws -> WeirBinary {
        let weir = try BinaryTests.prepare(folder)
        for round in 0..<2 {
            let text = (0..<60).map { id in
                id % 10 == 3 && round == 1
                    ? BinaryTests.record(id, nil, operation: "d")
                    : BinaryTests.record(id, "name \(id) of \(round)", operation: "c")
            }
            try weir("log", "append", "people", input: text.joined())
            #expect(try weir("run", "people.yaml", "--until-caught-up", "--quiet").status == 0)
            if round == 0 { #expect(try weir("optimize", "shop.people", "--full", "--quiet").status == 0) }
        }
        return weir
    }

    @Test(arguments: SeededGenerator.seeds(1))
    func `no damage ends in a crash, a hang or wrong rows from checked files`(seed: UInt64) throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            let expected = try BinaryTests.rows(weir)
            #expect(expected.count == 54)
            let warehouse = folder + "/warehouse"
            let names = (FileManager.default.enumerator(atPath: warehouse)?.compactMap { $0 as? String } ?? [])
                .filter { name in
                    var isFolder: ObjCBool = false
                    let exists = FileManager.default.fileExists(atPath: warehouse + "/" + name, isDirectory: &isFolder)
                    return exists && !isFolder.boolValue && !name.hasSuffix(".lock")
                }.sorted()
            #expect(names.count > 15)
            var random = SeededGenerator(seed: seed)
            var failures = 0
            for name in names {
                // Of kinds with many files, every second file is enough.
                if name.hasSuffix(".parquet"), random.next() % 2 == 0 { continue }
                for damage in Damage.allCases {
                    let path = warehouse + "/" + name
                    let whole = try #require(FileManager.default.contents(atPath: path))
                    guard !whole.isEmpty else { continue }
                    if let damaged = damage.apply(to: whole, random: &random) {
                        try damaged.write(to: URL(fileURLWithPath: path))
                    } else {
                        try FileManager.default.removeItem(atPath: path)
                    }
                    let isLog = name.hasPrefix("log/")
                    let commands =
                        isLog
                        ? [["log", "tail", "people"], ["log", "describe", "people"]]
                        : [["scan", "shop.people", "-o", "json"], ["read", "shop.people", "--from", "earliest"]]
                    for (index, command) in commands.enumerated() {
                        let result = try weir.start(command).finish(seconds: 60)
                        let what = "\(command.joined(separator: " ")) with \(name) \(damage), seed \(seed)"
                        #expect(result.status == 0 || result.status == 1, "\(what): \(result.status) \(result.errors)")
                        if result.status == 1 {
                            failures += 1
                            #expect(result.errors.contains("error"), "\(what): \(result.errors)")
                        } else if index == 0, name.hasPrefix("shop/") {
                            // Every file of a table has checksums, so the rows that are read are those that were
                            // written.
                            #expect(try Self.rows(result) == expected, "\(what)")
                        }
                    }
                    try whole.write(to: URL(fileURLWithPath: path))
                }
            }
            #expect(failures > 20)
            #expect(try BinaryTests.rows(weir) == expected)
        }
    }

    private static func rows(_ scan: WeirBinary.Result) throws -> [Int: String] {
        var rows: [Int: String] = [:]
        for line in scan.lines {
            let row = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            rows[try #require(row["id"] as? Int)] = row["name"] as? String ?? "null"
        }
        return rows
    }
}
