import Bytes
import ObjectStorage

/// The sparse index from times to offsets, in Kafka's file format: timestamp i64, relative offset i32.
///
/// An entry states that no record up to its offset is newer than its timestamp, and that the batch ending at the offset
/// has a record with that timestamp. Like the offset index it is a hint that its users verify.
struct TimeIndex: Equatable {
    struct Entry: Equatable {
        var timestamp: Int64
        var offset: Int64
    }

    static let entryBytes = 12
    var entries: [Entry] = []

    /// The entries up to the first that cannot follow its predecessor.
    static func decode(_ bytes: [UInt8], baseOffset: Int64) -> TimeIndex {
        var index = TimeIndex()
        index.entries.reserveCapacity(bytes.count / entryBytes)
        bytes.withUnsafeBytes { source in
            for start in stride(from: 0, to: bytes.count - bytes.count % entryBytes, by: entryBytes) {
                let timestamp = Int64(bigEndian: source.loadUnaligned(fromByteOffset: start, as: Int64.self))
                let relative = Int32(bigEndian: source.loadUnaligned(fromByteOffset: start + 8, as: Int32.self))
                let (offset, overflow) = baseOffset.addingReportingOverflow(Int64(relative))
                guard relative >= 0, !overflow else { return }
                if let last = index.entries.last, timestamp <= last.timestamp || offset <= last.offset { return }
                index.entries.append(Entry(timestamp: timestamp, offset: offset))
            }
        }
        return index
    }

    static func encode(_ entries: some Sequence<Entry>, baseOffset: Int64) -> [UInt8] {
        var writer = ByteWriter()
        for entry in entries {
            writer.writeBigEndian(entry.timestamp)
            writer.writeBigEndian(Int32(truncatingIfNeeded: entry.offset - baseOffset))
        }
        return writer.bytes
    }

    /// An index file's entries; none when it is not there or cannot be read.
    static func load(_ paths: SegmentPaths, _ files: any FileSystem) -> TimeIndex {
        decode(IndexFile.load(paths.timeIndex, files), baseOffset: paths.baseOffset)
    }

    /// The last entry that is older than the time.
    func entry(before timestamp: Int64) -> Entry? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].timestamp < timestamp { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? entries[low - 1] : nil
    }
}
