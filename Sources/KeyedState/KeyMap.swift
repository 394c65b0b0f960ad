/// A map from key fingerprints to small plain values. It hides the width of the fingerprints.
///
/// Loops over the keys of a batch are specialized for each width and prefetch slots.
public struct KeyMap<Value: BitwiseCopyable & Sendable>: Sendable {
    // Only the table that fits the keys is used; the other stays empty. Both are stored properties, not enum cases, so
    // that they are mutated in place.
    @usableFromInline var narrow: KeyTable<UInt64, Value>
    @usableFromInline var wide: KeyTable<UInt128, Value>

    /// `filler` fills unused slots.
    public init(filler: Value, seed: KeySeed = .process) {
        narrow = KeyTable(filler: filler, seed: seed)
        wide = KeyTable(filler: filler, seed: seed)
    }

    public var count: Int { narrow.count + wide.count }
    public var isEmpty: Bool { count == 0 }

    /// The value of one row's key.
    @inlinable
    @inline(__always)
    public func value(of keys: KeyFingerprints, at row: Int) -> Value? {
        switch keys {
        case .narrow(let keys): narrow.find(keys[row])
        case .wide(let keys): wide.find(keys[row])
        }
    }

    /// Calls `body` with each row's value, in order.
    @inlinable
    @inline(__always)
    public func forEach(_ keys: KeyFingerprints, _ body: (_ row: Int, _ value: Value?) -> Void) {
        switch keys {
        case .narrow(let keys): narrow.forEach(keys, body)
        case .wide(let keys): wide.forEach(keys, body)
        }
    }

    /// Calls `body` with one row's value, which it may set, replace, or remove by making it nil.
    @inlinable
    @inline(__always)
    public mutating func update(_ keys: KeyFingerprints, at row: Int, _ body: (_ value: inout Value?) -> Void) {
        switch keys {
        case .narrow(let keys): narrow.update(keys[row], body)
        case .wide(let keys): wide.update(keys[row], body)
        }
    }

    /// Calls `body` with each row's value, in order. It may set, replace or remove the value; a later row of the same
    /// key sees the change.
    @inlinable
    @inline(__always)
    public mutating func update(_ keys: KeyFingerprints, _ body: (_ row: Int, _ value: inout Value?) -> Void) {
        switch keys {
        case .narrow(let keys): narrow.update(keys, body)
        case .wide(let keys): wide.update(keys, body)
        }
    }

    /// Calls `body` with all keys, some at a time, in no order.
    public func forEachBatch(_ body: (KeyFingerprints) -> Void) {
        narrow.forEachBatch { body(.narrow($0)) }
        wide.forEachBatch { body(.wide($0)) }
    }

    /// Removes all keys and keeps the memory.
    mutating func removeAll() {
        narrow.removeAll()
        wide.removeAll()
    }

    /// Bytes of memory that the map takes.
    var byteCount: Int { narrow.byteCount + wide.byteCount }
}
