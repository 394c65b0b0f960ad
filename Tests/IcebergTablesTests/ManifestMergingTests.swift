import Bytes
import IcebergFormat
import ObjectStorage
import Testing
import WeirTesting

@testable import IcebergTables

/// Manifests are joined in tiers.
@Suite struct ManifestMergingTests {
    private static func manifest(files: Int) -> ManifestFile {
        ManifestFile(
            path: "m",
            length: Int64(5000 + files * 200),
            specId: 0,
            addedSnapshotId: 1,
            addedFiles: files,
            existingFiles: 0,
            deletedFiles: 0
        )
    }

    @Test func `few are left, each file is written again a few times, and no join is larger than the target`() throws {
        let target: Int64 = 1 << 20
        let merging = try #require(ManifestMerging(["commit.manifest.target-size-bytes": String(target)]))
        var manifests: [ManifestFile] = []
        var rewritten = 0
        var most = 0
        for _ in 0..<20_000 {
            manifests.insert(Self.manifest(files: 1), at: 0)
            if let chosen = merging.choice(among: manifests) {
                let bin = chosen.map { manifests[$0] }
                #expect(bin.reduce(0) { $0 + $1.length } <= target)
                let files = bin.reduce(0) { $0 + ($1.addedFiles ?? 0) }
                rewritten += files
                for index in chosen.reversed() { manifests.remove(at: index) }
                manifests.insert(Self.manifest(files: files), at: chosen[0])
            }
            most = max(most, manifests.count)
        }
        #expect(manifests.reduce(0) { $0 + ($1.addedFiles ?? 0) } == 20_000)
        #expect(most < 50, "\(most)")
        #expect(rewritten < 20_000 * 4, "\(rewritten)")
    }

    @Test func `properties switch it off, and say how many are too many`() {
        let three = Array(repeating: Self.manifest(files: 1), count: 3)
        #expect(ManifestMerging(["commit.manifest-merge.enabled": "FALSE"]) == nil)
        #expect(ManifestMerging([:])?.choice(among: three) == nil)
        #expect(ManifestMerging(["commit.manifest.min-count-to-merge": "3"])?.choice(among: three) == [0, 1, 2])
        #expect(ManifestMerging(["commit.manifest.min-count-to-merge": "0"])?.choice(among: [three[0]]) == nil)
        // Different sizes are not mixed.
        let sizes = [1, 20, 1, 20, 1].map { Self.manifest(files: $0) }
        #expect(ManifestMerging(["commit.manifest.min-count-to-merge": "3"])?.choice(among: sizes) == [0, 2, 4])
    }

    @Test(arguments: SeededGenerator.seeds(2))
    func `files keep their sequence numbers, and a commit costs the same however many there were`(seed: UInt64) throws {
        var world = try ExpiringCommitTests.World(["snapshot.keep.max-count": "5"])
        var random = SeededGenerator(seed: seed)
        var truth: [String: Int64] = [:]
        var calls: [Int] = []
        for number in 1...400 {
            let before = world.storage.calls
            let removed = random.next() % 5 == 0 ? truth.keys.sorted().randomElement(using: &random) : nil
            try world.commit { transaction in
                transaction.overwrite(adding: [dataFile("f\(number)")], removing: removed.map { [dataFile($0)] } ?? [])
            }
            calls.append(world.storage.calls - before)
            if let removed { truth[removed] = nil }
            truth["f\(number)"] = try #require(world.table.currentSnapshot).sequenceNumber
            if number % 50 != 0 { continue }
            // Read as another process does, without what this one remembers.
            let list = try #require(world.table.currentSnapshot?.manifestList)
            let manifests = try ManifestList.decode(world.storage.read(list), at: list)
            #expect(manifests.count < 30, "seed \(seed), commit \(number): \(manifests.count)")
            var found: [String: Int64] = [:]
            for manifest in manifests {
                let type = world.table.metadata.partitionType(.unpartitioned)
                for entry in try Manifest.decode(world.storage.read(manifest.path), manifest, partitionType: type)
                where entry.isLive {
                    #expect(entry.dataSequenceNumber ?? 0 >= manifest.minSequenceNumber)
                    #expect(entry.dataSequenceNumber == entry.fileSequenceNumber)
                    found[entry.file.path.lastPathComponent] = entry.dataSequenceNumber
                }
            }
            #expect(found == truth, "seed \(seed), commit \(number)")
        }
        #expect(calls.max() ?? 0 <= 12, "seed \(seed): \(calls.max() ?? 0)")
    }
}
