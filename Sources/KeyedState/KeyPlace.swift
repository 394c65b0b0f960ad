/// Where the row of a key is: the number of its file and the row's position in it, in one word.
///
/// File numbers are given by the owner of a map and never used again for another file. The last one, `UInt32.max`, is
/// reserved.
public struct KeyPlace: Hashable, BitwiseCopyable, Sendable {
    /// File number in the upper half, row in the lower.
    public let word: UInt64

    @inlinable
    @inline(__always)
    public init(file: UInt32, row: UInt32) {
        precondition(file != .max, "the last file number is reserved")
        word = UInt64(file) << 32 | UInt64(row)
    }

    @inlinable
    @inline(__always)
    init(word: UInt64) { self.word = word }

    /// The answer for a key that has no row.
    public static let none = KeyPlace(word: .max)

    /// What maps store for a removed key that an older run still has.
    @usableFromInline static let removed = KeyPlace(word: .max - 1)

    /// What stands for the row of a run that a translation dropped. It is never stored.
    @usableFromInline static let dropped = KeyPlace(word: .max - 2)

    @inlinable public var file: UInt32 { UInt32(truncatingIfNeeded: word >> 32) }
    @inlinable public var row: UInt32 { UInt32(truncatingIfNeeded: word) }
    /// Whether this is a place, not the answer for a missing key.
    @inlinable public var exists: Bool { word < UInt64.max - 2 }
}
