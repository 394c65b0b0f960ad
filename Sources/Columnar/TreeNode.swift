/// A slice of the key hash space: the keys with `hash & mask == index` (mixed format, section 3.1).
///
/// Children split by the next higher bit of the hash, so node 2 (mask 1, index 0) has the children 4 and 6.
public struct TreeNode: Hashable, Sendable {
    /// 2ⁿ − 1.
    public let mask: Int
    /// From 0 through `mask`.
    public let index: Int

    /// All keys.
    public static let root = TreeNode(mask: 0, index: 0)

    public init(mask: Int, index: Int) {
        precondition(mask >= 0 && mask & (mask + 1) == 0 && 0...mask ~= index, "no tree node (\(mask), \(index))")
        self.mask = mask
        self.index = index
    }

    /// Nil for invalid node ids: those below 1 and above 2⁶².
    public init?(id: Int) {
        guard id >= 1, id <= 1 << 62 else { return nil }
        let size = 1 << (Int.bitWidth - 1 - id.leadingZeroBitCount)
        mask = size - 1
        index = id - size
    }

    /// The node of a key among `buckets` nodes, a power of two.
    public init(hash: Int32, buckets: Int) {
        precondition(buckets > 0 && buckets & (buckets - 1) == 0, "a bucket count is a power of two, not \(buckets)")
        mask = buckets - 1
        index = Int(hash) & (buckets - 1)
    }

    public var id: Int { mask + 1 + index }

    /// Nil for the root.
    public var parent: TreeNode? {
        guard mask > 0 else { return nil }
        let parentMask = (mask - 1) >> 1
        return TreeNode(mask: parentMask, index: index & parentMask)
    }

    public var children: (left: TreeNode, right: TreeNode) {
        let childMask = 2 * mask + 1
        return (TreeNode(mask: childMask, index: index), TreeNode(mask: childMask, index: index + mask + 1))
    }

    /// Whether keys with this hash belong to this node.
    @inline(__always)
    public func covers(hash: Int32) -> Bool { Int(hash) & mask == index }

    /// Whether every key of this node also belongs to `other`.
    public func isDescendantOrSelf(of other: TreeNode) -> Bool {
        self == other || (mask > other.mask && index & other.mask == other.index)
    }

    /// Whether some key belongs to both nodes: one is an ancestor of the other, or they are the same.
    public func overlaps(_ other: TreeNode) -> Bool {
        isDescendantOrSelf(of: other) || other.isDescendantOrSelf(of: self)
    }

    /// All nodes of a mask, by index.
    public static func nodes(buckets: Int) -> [TreeNode] {
        (0..<buckets).map { TreeNode(mask: buckets - 1, index: $0) }
    }
}
