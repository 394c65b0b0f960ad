import Bytes
import Foundation
import ObjectStorage

/// Iterates over the batches of a segment file, starting at a batch boundary.
struct BatchScanner: ~Copyable {
    enum Step {
        case batch(RecordBatchHeader, position: Int64)
        case end
        /// The file ends inside the batch at `position`.
        case torn
        /// The bytes at `position` are not a valid batch.
        case damaged(String)
    }

    private let file: any OpenFile
    /// Number of bytes of the file to scan.
    let limit: Int64
    private let verifyingChecksums: Bool
    /// Where the next batch begins.
    private(set) var position: Int64
    /// The required base offset of the next batch; nil to accept any.
    private var expectedOffset: Int64?
    private var memory: UnsafeMutableRawBufferPointer
    private var loaded: Range<Int64>

    init(_ file: any OpenFile, from position: Int64, limit: Int64, nextOffset: Int64?, verifyingChecksums: Bool) {
        self.file = file
        self.limit = limit
        self.position = position
        expectedOffset = nextOffset
        self.verifyingChecksums = verifyingChecksums
        // Without checksums only the headers are read; with checksums whole batches are.
        memory = .allocate(byteCount: verifyingChecksums ? 1 << 20 : 64 << 10, alignment: 64)
        loaded = position..<position
    }

    deinit { memory.deallocate() }

    /// The offset after the last batch, or the start offset before the first one.
    var nextOffset: Int64 { expectedOffset ?? 0 }

    mutating func next() throws(WeirError) -> Step {
        guard position < limit else { return .end }
        var needed = RecordBatchHeader.byteCount
        while true {
            try load(needed)
            let available = loaded.contains(position) ? Int(loaded.upperBound - position) : 0
            let start = UnsafeRawPointer(memory.baseAddress! + Int(position - loaded.lowerBound))
            // Without checksums the header is enough, so treat the rest of the batch as available if the header is.
            let visible = verifyingChecksums ? available : (available < needed ? available : Int.max)
            switch BatchCheck.of(
                start,
                available: visible,
                expectedOffset: expectedOffset,
                verifyingChecksum: verifyingChecksums
            ) {
            case .whole(let header):
                guard Int64(header.totalCount) <= limit - position else { return .torn }
                let found = position
                position += Int64(header.totalCount)
                expectedOffset = header.nextOffset
                return .batch(header, position: found)
            case .incomplete(let more):
                guard more > needed, Int64(more) <= limit - position else { return .torn }
                needed = more
            case .damaged(let what): return .damaged(what)
            }
        }
    }

    /// Loads `count` bytes from `position`, or fewer at the end of the file.
    private mutating func load(_ count: Int) throws(WeirError) {
        let end = min(limit, position + Int64(count))
        if loaded.lowerBound <= position, end <= loaded.upperBound { return }
        if count > memory.count {
            memory.deallocate()
            memory = .allocate(byteCount: count + (1 << 20), alignment: 64)
        }
        let wanted = Int(min(Int64(memory.count), limit - position))
        let read = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[..<wanted]), at: position)
        loaded = position..<position + Int64(read)
    }
}
