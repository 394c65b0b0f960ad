import Bytes
import Values

/// The offsets and bytes of a text column that is being written.
struct TextOutput: ~Copyable {
    /// Bytes one computed text may hold; LPAD and REPLACE could otherwise take any amount of memory.
    static let maximumText = 64 << 20
    /// Bytes by which the texts computed for a batch may outgrow those they are made of.
    static let maximumGrowth = 256 << 20
    /// Bytes that no number, date, time or uuid exceeds as text.
    private static let maximumValue = 64
    static let tooLong =
        "the text is longer than 64 MiB, or the texts of the batch have grown by more than 256 MiB or beyond 2 GiB"

    private var offsets: GrowableBuffer
    private var bytes = GrowableBuffer(capacity: 1024)
    private var rowStart = 0
    private var isOverfull = false
    /// Bytes the column may hold.
    private let limit: Int

    /// - Parameter operands: what the texts are made of.
    init(rows: Int, from operands: [Operand]) {
        let given = operands.map { $0.vector.bytes?.count ?? rows * Self.maximumValue }.clampedSum()
        // Offsets have 32 bits.
        limit = min(Int(Int32.max), given.addingClamped(Self.maximumGrowth))
        offsets = GrowableBuffer(capacity: (rows + 1) * 4)
        offsets.append(Int32(0))
    }

    mutating func append(_ part: UnsafeRawBufferPointer) {
        if takes(part.count) { bytes.append(part) }
    }

    /// Appends the text of a value that is not a text itself.
    @inline(__always)
    mutating func appendValue(_ body: (inout GrowableBuffer) -> Void) {
        if takes(Self.maximumValue) { body(&bytes) }
    }

    /// The same bytes again and again.
    mutating func append(_ part: UnsafeRawBufferPointer, times: Int) {
        let (total, overflow) = part.count.multipliedReportingOverflow(by: times)
        guard !overflow, takes(total) else { return overfill() }
        guard total > 0 else { return }
        bytes.reserve(total)
        bytes.append(part)
        // What is there is doubled until nothing is missing.
        let start = bytes.base + (bytes.count - part.count)
        var done = part.count
        while done < total {
            let more = min(done, total - done)
            (start + done).copyMemory(from: start, byteCount: more)
            done += more
        }
        bytes.advance(by: total - part.count)
    }

    /// Whether the row may take that many bytes more; if not, it is too long.
    @inline(__always)
    private mutating func takes(_ extra: Int) -> Bool {
        isOverfull = isOverfull || extra > limit - bytes.count || extra > Self.maximumText - (bytes.count - rowStart)
        return !isOverfull
    }

    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Declares the row too long without writing it.
    mutating func overfill() { isOverfull = true }

    /// Ends a row and answers whether it was cut because it is longer than a text may be, or because the column holds all
    /// that it may.
    mutating func endRow() -> Bool {
        defer { isOverfull = false }
        rowStart = bytes.count
        offsets.append(Int32(truncatingIfNeeded: rowStart))
        return isOverfull
    }

    consuming func finish() -> (offsets: Buffer, bytes: Buffer) { (offsets.finish(), bytes.finish()) }
}
