/// Which base files a materializing commit rewrites together with its new rows, so that readers find few files and few
/// deleted rows however many commits there were.
///
/// - Files of which a quarter or more is deleted: each deleted row pays for at most three rows that are written again.
/// - Small files of one size, once there are eight of them in a node: as in a log-structured merge tree, a row is
///   written again a few times until it lies in a large file.
struct RewriteChoice {
    /// A file that may be rewritten.
    struct Candidate {
        let number: UInt32
        let bytes: Int64
        let rows: Int64
        /// With the deletes of the commit.
        let deletedRows: Int64
        /// Files of different groups are never merged.
        let group: Group
    }

    /// A partition and a node.
    struct Group: Hashable {
        let partition: UInt32
        let node: Int
    }

    /// Numbers of files, in ascending order.
    let numbers: [UInt32]

    /// Files below this size are of one size.
    private static let smallestBytes: Int64 = 64 << 10
    private static let filesMin = 8

    /// - Parameters:
    ///   - bytesMax: of all chosen files. The first file, or one group of small files, may exceed it: otherwise nothing
    ///     would ever be done about it.
    ///   - targetBytes: files of half this size are not small.
    ///   - fileBytesMax: larger files are left alone.
    init(_ candidates: [Candidate], bytesMax: Int64, targetBytes: Int64, fileBytesMax: Int64 = .max) {
        let candidates = candidates.filter { $0.bytes <= fileBytesMax }
        var chosen: Set<UInt32> = []
        var bytes: Int64 = 0
        let worn = candidates.filter { $0.deletedRows < $0.rows && $0.deletedRows * 4 >= $0.rows }
        // The most deleted rows per written byte first.
        for file in worn.sorted(by: { Self.gain($0) > Self.gain($1) })
        where chosen.isEmpty || file.bytes <= bytesMax - bytes {
            chosen.insert(file.number)
            bytes += file.bytes
        }
        let small = candidates.filter {
            $0.bytes < targetBytes / 2 && $0.deletedRows < $0.rows && !chosen.contains($0.number)
        }
        let groups = Dictionary(grouping: small) { Tier(group: $0.group, level: Self.level($0.bytes)) }
        let due = groups.filter { $0.value.count >= Self.filesMin }.sorted { $0.key.order < $1.key.order }
        for (_, files) in due where bytes < bytesMax {
            for file in files {
                chosen.insert(file.number)
                bytes += file.bytes
            }
        }
        numbers = chosen.sorted()
    }

    private struct Tier: Hashable {
        let group: Group
        let level: Int
        /// Smaller files first: they are cheap to merge and the most numerous.
        var order: (Int, UInt32, Int) { (level, group.partition, group.node) }
    }

    private static func gain(_ file: Candidate) -> Double { Double(file.deletedRows) / Double(max(1, file.bytes)) }

    /// Sizes of one level differ by at most four times.
    private static func level(_ bytes: Int64) -> Int {
        var level = 0
        var size = smallestBytes
        while size < bytes {
            size *= 4
            level += 1
        }
        return level
    }
}
