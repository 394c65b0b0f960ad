import Bytes
import ObjectStorage

/// The sparse index from offsets to positions in a segment, in Kafka's file format: relative offset i32, position i32.
///
/// An entry holds the last offset of a batch and the position where that batch begins. The index is a hint: users of an
/// entry verify the batch it points to, so a damaged index costs time, never records.
struct OffsetIndex: Equatable {
    struct Entry: Equatable {
        var offset: Int64
        var position: Int64
    }

    static let entryBytes = 8
    var entries: [Entry] = []

    /// The entries up to the first that cannot follow its predecessor.
    static func decode(_ bytes: [UInt8], baseOffset: Int64) -> OffsetIndex {
        var index = OffsetIndex()
        index.entries.reserveCapacity(bytes.count / entryBytes)
        bytes.withUnsafeBytes { source in
            for start in stride(from: 0, to: bytes.count - bytes.count % entryBytes, by: entryBytes) {
                let relative = Int32(bigEndian: source.loadUnaligned(fromByteOffset: start, as: Int32.self))
                let position = Int32(bigEndian: source.loadUnaligned(fromByteOffset: start + 4, as: Int32.self))
                let (offset, overflow) = baseOffset.addingReportingOverflow(Int64(relative))
                guard relative >= 0, position >= 0, !overflow else { return }
                if let last = index.entries.last, offset <= last.offset || Int64(position) <= last.position { return }
                index.entries.append(Entry(offset: offset, position: Int64(position)))
            }
        }
        return index
    }

    static func encode(_ entries: some Sequence<Entry>, baseOffset: Int64) -> [UInt8] {
        var writer = ByteWriter()
        for entry in entries {
            writer.writeBigEndian(Int32(truncatingIfNeeded: entry.offset - baseOffset))
            writer.writeBigEndian(Int32(truncatingIfNeeded: entry.position))
        }
        return writer.bytes
    }

    /// An index file's entries; none when it is not there or cannot be read.
    static func load(_ paths: SegmentPaths, _ files: any FileSystem) -> OffsetIndex {
        decode(IndexFile.load(paths.offsetIndex, files), baseOffset: paths.baseOffset)
    }

    /// The last entry whose offset is at most the target.
    func entry(notAfter target: Int64) -> Entry? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].offset <= target { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? entries[low - 1] : nil
    }
}

enum IndexFile {
    /// More than the index of a 2 GiB segment needs; a longer file is not an index.
    static let bytesMax: Int64 = 1 << 30

    static func load(_ path: String, _ files: any FileSystem) -> [UInt8] {
        guard let file = try? files.open(path, .read), let size = try? file.size(), size <= bytesMax else { return [] }
        return (try? file.read(count: Int(size), at: 0)) ?? []
    }

    /// Replaces the content when it differs; returns whether it did.
    static func store(_ bytes: [UInt8], _ path: String, _ files: any FileSystem) throws(WeirError) -> Bool {
        let file = try files.open(path, .write)
        if try file.size() == Int64(bytes.count), try file.read(count: bytes.count, at: 0) == bytes { return false }
        try file.truncate(to: 0)
        if !bytes.isEmpty { try file.write(bytes, at: 0) }
        return true
    }
}
