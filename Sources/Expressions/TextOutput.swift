import Bytes
import Values

/// Builds the offsets and bytes of a text column.
struct TextOutput: ~Copyable {
    /// Maximum bytes of one computed text. Without it, LPAD and REPLACE could use any amount of memory.
    static let maximumText = 64 << 20
    /// Maximum bytes by which the computed texts of a batch may exceed their inputs.
    static let maximumGrowth = 256 << 20
    /// Maximum bytes of a number, date, time or uuid as text.
    private static let maximumValue = 64
    static let tooLong =
        "the text is longer than 64 MiB, or the texts of the batch have grown by more than 256 MiB or beyond 2 GiB"

    private var offsets: GrowableBuffer
    private var bytes = GrowableBuffer(capacity: 1024)
    private var rowStart = 0
    private var isOverfull = false
    /// Maximum bytes of the column.
    private let limit: Int

    /// - Parameter operands: the inputs of the texts.
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

    /// Appends the text of a non-string value.
    @inline(__always)
    mutating func appendValue(_ body: (inout GrowableBuffer) -> Void) {
        if takes(Self.maximumValue) { body(&bytes) }
    }

    /// Appends the same bytes `times` times.
    mutating func append(_ part: UnsafeRawBufferPointer, times: Int) {
        let (total, overflow) = part.count.multipliedReportingOverflow(by: times)
        guard !overflow, takes(total) else { return overfill() }
        guard total > 0 else { return }
        bytes.reserve(total)
        bytes.append(part)
        // Copy what is already written, doubling it each time.
        let start = bytes.base + (bytes.count - part.count)
        var done = part.count
        while done < total {
            let more = min(done, total - done)
            (start + done).copyMemory(from: start, byteCount: more)
            done += more
        }
        bytes.advance(by: total - part.count)
    }

    /// Whether the row can take `extra` more bytes; otherwise marks it as too long.
    @inline(__always)
    private mutating func takes(_ extra: Int) -> Bool {
        isOverfull = isOverfull || extra > limit - bytes.count || extra > Self.maximumText - (bytes.count - rowStart)
        return !isOverfull
    }

    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Marks the row as too long.
    mutating func overfill() { isOverfull = true }

    /// Ends a row. Returns whether it was cut off because the text or the column reached its size limit.
    mutating func endRow() -> Bool {
        defer { isOverfull = false }
        rowStart = bytes.count
        offsets.append(Int32(truncatingIfNeeded: rowStart))
        return isOverfull
    }

    consuming func finish() -> (offsets: Buffer, bytes: Buffer) { (offsets.finish(), bytes.finish()) }
}
