import Columnar
import IcebergFormat
import Testing

@testable import IcebergTables

@Suite struct ManifestCacheTests {
    private static func manifest(_ number: Int, length: Int64 = 1) -> ManifestFile {
        ManifestFile(path: "m\(number)", length: length, specId: 0, addedSnapshotId: 1)
    }

    private static func entries(_ count: Int, boundBytes: Int) -> [ManifestEntry] {
        (0..<count).map { index in
            var file = DataFile(path: "file-\(index)", recordCount: 1, fileSize: 1)
            file.lowerBounds = [1: [UInt8](repeating: 1, count: boundBytes)]
            return ManifestEntry(status: .added, snapshotId: 1, file: file)
        }
    }

    @Test func `what is remembered is bounded by its bytes, whatever the entries weigh`() {
        let cache = ManifestCache(byteLimit: 1 << 20)
        for number in 0..<200 {
            cache.store(Self.entries(10, boundBytes: 2_000), Self.manifest(number))
            #expect(cache.byteCount <= 1 << 20)
            // The newest entry and the entry that is used often are kept.
            #expect(cache.entries(Self.manifest(number)) != nil)
            #expect(cache.entries(Self.manifest(0)) != nil)
        }
        #expect(cache.entries(Self.manifest(1)) == nil)
        #expect(cache.byteCount > 1 << 18)
        // A few large entries may exceed the limit and are not kept.
        cache.store(Self.entries(3, boundBytes: 400_000), Self.manifest(1_000))
        #expect(cache.entries(Self.manifest(1_000)) == nil)
    }

    @Test func `lists count too, and storing again replaces`() {
        let cache = ManifestCache(byteLimit: 1 << 20)
        let list = (0..<100).map { Self.manifest($0) }
        for _ in 0..<50 { cache.store(list, list: "l") }
        let once = cache.byteCount
        #expect(once > 0 && once < 100_000)
        for number in 0..<200 {
            cache.store(list, list: "list \(number)")
            #expect(cache.byteCount <= 1 << 20)
        }
        #expect(cache.list("list 199")?.count == 100)
        #expect(cache.list("list 0") == nil)
    }
}
