/// The hash of a primary key that determines the tree node of a row: Java's list hash over the key's values in key
/// order, made positive (mixed format, section 3.2).
public enum KeyHash {
    /// The hash of one key.
    public static func hash(of key: [Scalar]) -> Int32 {
        positive(key.reduce(1) { $0 &* 31 &+ ElementHash.of($1) })
    }

    @inlinable
    @inline(__always)
    public static func positive(_ hash: Int32) -> Int32 { hash == .min ? .max : abs(hash) }
}
