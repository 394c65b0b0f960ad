import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing
import WeirTesting

/// Damaged positions: no run continues from them.
@Suite(.serialized, .mostlyWaits, .hangGuard) struct LedgerDamageTests {
    @Test(arguments: ["24", "12"])
    func `a wrong digit is refused, in our metadata and in metadata that another engine has written`(wrong: String)
        throws
    {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            func append(_ ids: Range<Int>) throws {
                let records = ids.map { BinaryTests.record($0, "n", operation: "c") }.joined()
                #expect(try weir("log", "append", "people", input: records).status == 0)
            }
            func run() throws -> WeirBinary.Result { try weir("run", "people.yaml", "--until-caught-up", "--quiet") }
            try append(0..<20)
            #expect(try run().status == 0)
            try append(20..<30)
            let catalog = try SQLiteCatalog(path: folder + "/warehouse/catalog.db", warehouse: folder + "/warehouse")
            let store = try TableIdentifier("shop.people_change_")
            let path = LocalObjectStorage.localPath(try catalog.metadataLocation(of: store))
            let whole = try String(contentsOfFile: path, encoding: .utf8)
            let good = "\"weir.positions.people\":\"{\\\"people\\\":{\\\"0\\\":20}}\""
            // The properties; the summary of the snapshot has only a checksum of it.
            try #require(whole.contains(good), "\(whole)")
            let damaged = whole.replacingOccurrences(of: good, with: good.replacing("20", with: wrong))
            try damaged.write(toFile: path, atomically: true, encoding: .utf8)
            let checked = try run()
            #expect(checked.status == 1 && checked.errors.contains("checksum"), "\(checked.errors)")
            // Other engines copy the properties without a checksum, so the last record detects the change.
            try damaged.replacing(#/,"weir-crc32c":"[^"]*"/#, with: "")
                .write(toFile: path, atomically: true, encoding: .utf8)
            let copied = try run()
            #expect(copied.status == 1 && copied.errors.contains("19"), "\(copied.errors)")
            let sign = wrong == "24" ? "passes over the record at offset 20" : "goes on at offset 12"
            #expect(copied.errors.contains(sign), "\(copied.errors)")
            #expect(try BinaryTests.rows(weir).count == 20)
            try whole.write(toFile: path, atomically: true, encoding: .utf8)
            let mended = try run()
            #expect(mended.status == 0, "\(mended.errors)")
            #expect(try BinaryTests.rows(weir).count == 30)
        }
    }
}
