import Bytes
import CJSONShim

/// Memory the shim allocated and a buffer keeps.
final class NativeMemory: @unchecked Sendable {
    // Only freed, never read through.
    private let base: UnsafeMutablePointer<UInt8>

    private init(_ base: UnsafeMutablePointer<UInt8>) { self.base = base }

    deinit { weir_json_free(base) }

    /// Nil for a null pointer.
    static func buffer(_ memory: weir_json_memory) -> Buffer? {
        guard let base = memory.base else { return nil }
        return Buffer(base: UnsafeRawPointer(base), count: memory.count, owner: NativeMemory(base))
    }
}
