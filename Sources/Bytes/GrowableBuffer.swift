import Foundation

/// Memory that grows while a column or a record batch is built and becomes a `Buffer` without a copy.
public struct GrowableBuffer: ~Copyable, @unchecked Sendable {
    // Sole owner of its memory until `finish` gives it away.
    public private(set) var base: UnsafeMutableRawPointer
    /// Bytes written.
    public private(set) var count = 0
    public private(set) var capacity: Int

    public init(capacity: Int = 64) {
        self.capacity = (max(capacity, 64) + 63) & ~63
        base = Buffer.allocate(self.capacity)
    }

    deinit { free(base) }

    /// Makes room for `extra` more bytes.
    @inline(__always)
    public mutating func reserve(_ extra: Int) {
        if count + extra > capacity { grow(to: count + extra) }
    }

    @inline(never)
    private mutating func grow(to needed: Int) {
        capacity = (max(needed, capacity * 2) + 63) & ~63
        let larger = Buffer.allocate(capacity)
        larger.copyMemory(from: base, byteCount: count)
        free(base)
        base = larger
    }

    @inline(__always)
    public mutating func append<T: BitwiseCopyable>(_ value: T) {
        reserve(MemoryLayout<T>.size)
        base.storeBytes(of: value, toByteOffset: count, as: T.self)
        count += MemoryLayout<T>.size
    }

    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        (base + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    public mutating func append(repeating byte: UInt8, count extra: Int) {
        reserve(extra)
        memset(base + count, Int32(byte), extra)
        count += extra
    }

    /// Counts bytes as written that the caller stored through `base` after `reserve`.
    public mutating func advance(by extra: Int) {
        precondition(count + extra <= capacity, "bytes were written past the reserved memory")
        count += extra
    }

    /// Removes the last bytes written.
    public mutating func removeLast(_ bytes: Int) {
        precondition(0...count ~= bytes, "\(bytes) bytes taken back of \(count)")
        count -= bytes
    }

    public mutating func removeAll() { count = 0 }

    /// Returns the memory as a buffer and starts again with a small one.
    public mutating func finish() -> Buffer {
        let buffer = Buffer(taking: base, count: count)
        capacity = 64
        base = Buffer.allocate(capacity)
        count = 0
        return buffer
    }
}
