import IcebergFormat
import Values

/// Which manifests of a snapshot a commit joins, so that few are left and no commit has much to write.
///
/// Manifests are merged in tiers, by the number of their files: ten of about the same size become one of the next. Each
/// file is thus written again once a tier, and the manifests that a commit rewrites are at most as large as one of the
/// target size. (Iceberg's Java library joins everything that is smaller than that, whenever there are a hundred.)
struct ManifestMerging {
    /// Manifests of one tier from which on they are joined.
    let countMin: Int
    /// In bytes.
    let target: Int64

    static let defaultCountMin = 10
    /// How many times as many files a manifest of the next tier may have.
    private static let growth = 10

    /// Nil if the table's manifests are not to be merged.
    init?(_ properties: [String: String]) {
        if properties["commit.manifest-merge.enabled"]?.lowercased() == "false" { return nil }
        let count = properties["commit.manifest.min-count-to-merge"].flatMap { Int($0) }
        countMin = max(2, count ?? Self.defaultCountMin)
        target = properties["commit.manifest.target-size-bytes"].flatMap { Int64($0) } ?? 8 << 20
    }

    /// The positions of the manifests to join, in their order; nil for none.
    ///
    /// - Parameter manifests: of one content and spec. Those of the lowest tier that has enough are chosen, since they
    ///   cost least: other tiers have their turn in later commits.
    func choice(among manifests: [ManifestFile]) -> [Int]? {
        var tiers: [Int: [Int]] = [:]
        for (index, manifest) in manifests.enumerated() where manifest.length <= target / 2 {
            tiers[Self.tier(manifest), default: []].append(index)
        }
        for (_, indices) in tiers.sorted(by: { $0.key < $1.key }) where indices.count >= countMin {
            // The oldest first: they will not be many again.
            var chosen: [Int] = []
            var length: Int64 = 0
            for index in indices.reversed() {
                length = length.addingClamped(manifests[index].length)
                if length > target { break }
                chosen.append(index)
            }
            if chosen.count > 1 { return chosen.reversed() }
        }
        return nil
    }

    private static func tier(_ manifest: ManifestFile) -> Int {
        let files = [manifest.addedFiles, manifest.existingFiles, manifest.deletedFiles].reduce(0) { sum, count in
            sum.addingClamped(max(0, count ?? 0))
        }
        var (tier, limit) = (0, growth)
        while files >= limit {
            tier += 1
            let (next, overflow) = limit.multipliedReportingOverflow(by: growth)
            if overflow { break }
            limit = next
        }
        return tier
    }
}
