import Foundation
import Testing
import WeirTesting

/// Single flipped bits in every kind of warehouse file: a command reports the damage and exits with 1, or its output is
/// the same as for the undamaged file.
@Suite(.serialized, .mostlyWaits, .hangGuard) struct FlippedWarehouseTests {
    private enum Kind: CaseIterable {
        case metadata, manifestList, manifest, puffin, parquetFooter, parquetPages

        func holds(_ name: String) -> Bool {
            switch self {
            case .metadata: name.hasSuffix(".metadata.json")
            case .manifestList: name.hasSuffix(".avro") && name.contains("/metadata/snap-")
            case .manifest: name.hasSuffix(".avro") && !name.contains("/metadata/snap-")
            case .puffin: name.hasSuffix(".puffin")
            case .parquetFooter, .parquetPages: name.hasSuffix(".parquet")
            }
        }

        /// The byte range of this kind in a file.
        func bytes(of whole: Data) -> Range<Int> {
            guard name == "parquet" else { return 0..<whole.count }
            let footer = whole.suffix(8).prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) } + 8
            return self == .parquetFooter ? whole.count - footer..<whole.count : 4..<whole.count - footer
        }

        private var name: String { self == .parquetFooter || self == .parquetPages ? "parquet" : "" }
    }

    @Test(arguments: SeededGenerator.seeds(1))
    func `a flipped bit is told, or changes nothing`(seed: UInt64) throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            for round in 0..<2 {
                let text = (0..<60).map { BinaryTests.record($0, "name \($0) of \(round)", operation: "c") }
                try weir("log", "append", "people", input: text.joined())
                #expect(try weir("run", "people.yaml", "--until-caught-up", "--quiet").status == 0)
                if round == 0 { #expect(try weir("optimize", "shop.people", "--full", "--quiet").status == 0) }
            }
            let scan = ["scan", "shop.people", "-o", "csv"]
            let read = ["read", "shop.people", "--from", "earliest"]
            let whole = try [scan, read].map { try Set(weir.start($0).finish(seconds: 60).lines) }
            #expect(whole[0].count == 61 && whole[1].count == 180)
            let warehouse = folder + "/warehouse/shop"
            let names = (FileManager.default.enumerator(atPath: warehouse)?.compactMap { $0 as? String } ?? []).sorted()
            var random = SeededGenerator(seed: seed)
            for kind in Kind.allCases {
                // Files that the newest state needs: for each kind the damage must show somewhere.
                let files = names.filter { kind.holds($0) }.suffix(6)
                try #require(!files.isEmpty, "\(kind)")
                var told = 0
                for round in 0..<Soak.rounds(12) {
                    let name = files[files.startIndex + round % files.count]
                    let path = URL(fileURLWithPath: warehouse + "/" + name)
                    let original = try Data(contentsOf: path)
                    var damaged = original
                    let byte = Int.random(in: kind.bytes(of: original), using: &random)
                    damaged[byte] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &random)
                    try damaged.write(to: path)
                    let index = Int(random.next() % 2)
                    let result = try weir.start([scan, read][index]).finish(seconds: 60)
                    try original.write(to: path)
                    let what = "seed \(seed), \(kind): byte \(byte) of \(name)"
                    if result.status == 0 {
                        #expect(Set(result.lines) == whole[index], "\(what)")
                    } else {
                        told += 1
                        #expect(result.status == 1 && result.errors.contains("error"), "\(what): \(result.errors)")
                    }
                }
                #expect(told > 0, "seed \(seed), \(kind): no damage was met")
            }
        }
    }
}
