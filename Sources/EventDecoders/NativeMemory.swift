import Bytes
import CJSONShim

/// Memory that the shim allocated and that a buffer owns.
final class NativeMemory: @unchecked Sendable {
    // Only used to free the memory, never to read it.
    private let base: UnsafeMutablePointer<UInt8>

    private init(_ base: UnsafeMutablePointer<UInt8>) { self.base = base }

    deinit { weir_json_free(base) }

    /// Nil for a null pointer.
    static func buffer(_ memory: weir_json_memory) -> Buffer? {
        guard let base = memory.base else { return nil }
        return Buffer(base: UnsafeRawPointer(base), count: memory.count, owner: NativeMemory(base))
    }
}
