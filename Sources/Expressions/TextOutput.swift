import Bytes

/// The offsets and bytes of a text column that is being written.
struct TextOutput: ~Copyable {
    /// Bytes one computed text may hold; LPAD and REPLACE could otherwise take any amount of memory.
    static let maximumText = 64 << 20
    static let tooLong = "the text is longer than 64 MiB, or the texts of the batch together longer than 2 GiB"

    private var offsets: GrowableBuffer
    private var bytes = GrowableBuffer(capacity: 1024)
    private var rowStart = 0
    private var isOverfull = false

    /// Whether the row may still take more.
    var canGrow: Bool { !isOverfull }

    init(rows: Int) {
        offsets = GrowableBuffer(capacity: (rows + 1) * 4)
        offsets.append(Int32(0))
    }

    mutating func append(_ part: UnsafeRawBufferPointer) {
        let end = bytes.count + part.count
        if isOverfull || end - rowStart > Self.maximumText || end > Int(Int32.max) {
            isOverfull = true
        } else {
            bytes.append(part)
        }
    }

    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Declares the row too long without writing it.
    mutating func overfill() { isOverfull = true }

    /// Ends a row and answers whether it was cut because it is longer than a text may be, or because the column is at the
    /// 2 GiB that its offsets reach.
    mutating func endRow() -> Bool {
        defer { isOverfull = false }
        rowStart = bytes.count
        offsets.append(Int32(truncatingIfNeeded: rowStart))
        return isOverfull
    }

    consuming func finish() -> (offsets: Buffer, bytes: Buffer) { (offsets.finish(), bytes.finish()) }
}
