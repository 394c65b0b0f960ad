import Foundation

/// Immutable memory that columns and record batches share without copying.
///
/// A buffer owns its memory, or keeps alive whatever does (a bigger buffer, an Arrow array). Memory is aligned to 64
/// bytes where Weir allocated it.
public final class Buffer: @unchecked Sendable {
    // Written only before the buffer is shared.
    public let base: UnsafeRawPointer
    /// Size in bytes.
    public let count: Int
    private let owner: AnyObject?

    /// Memory that `owner` keeps valid.
    public init(base: UnsafeRawPointer, count: Int, owner: AnyObject) {
        self.base = base
        self.count = count
        self.owner = owner
    }

    /// Takes memory that `Buffer.allocate` returned.
    init(taking base: UnsafeMutableRawPointer, count: Int) {
        self.base = UnsafeRawPointer(base)
        self.count = count
        self.owner = nil
    }

    deinit {
        if owner == nil { free(UnsafeMutableRawPointer(mutating: base)) }
    }

    /// A copy of the bytes.
    public convenience init(copying bytes: some Collection<UInt8>) {
        let memory = Self.allocate(bytes.count)
        var offset = 0
        for byte in bytes {
            memory.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
            offset += 1
        }
        self.init(taking: memory, count: bytes.count)
    }

    /// Memory of `count` bytes that the body fills.
    public static func filled(count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows -> Buffer {
        let memory = allocate(count)
        do {
            try body(UnsafeMutableRawBufferPointer(start: memory, count: count))
        } catch {
            free(memory)
            throw error
        }
        return Buffer(taking: memory, count: count)
    }

    /// A part of this buffer that shares its memory.
    public func slice(from offset: Int, count: Int) -> Buffer {
        precondition(offset >= 0 && count >= 0 && offset + count <= self.count, "a slice must lie inside its buffer")
        return Buffer(base: base + offset, count: count, owner: self)
    }

    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// The memory as values of one trivial type.
    public func values<T: BitwiseCopyable>(as type: T.Type) -> UnsafePointer<T> {
        base.assumingMemoryBound(to: type)
    }

    static func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        let rounded = (max(count, 1) + 63) & ~63
        guard let memory = aligned_alloc(64, rounded) else { fatalError("out of memory allocating \(rounded) bytes") }
        return memory
    }
}
