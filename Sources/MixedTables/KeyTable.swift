import CLinux

/// A hash table from key fingerprints to small plain values: open addressing, linear probing, no per-entry objects.
///
/// ```
/// keys    [k₀ k₁ 0 k₃ …]   0 marks a free slot; the fingerprint 0 itself lives in `zero`
/// values  [v₀ v₁ · v₃ …]
/// ```
/// At most three quarters of the slots are used; removal shifts later entries back, so there are no tombstones and a
/// long-running table never degrades.
public struct KeyTable<
    Key: FixedWidthInteger & UnsignedInteger & BitwiseCopyable & Sendable,
    Value: BitwiseCopyable & Sendable
>:
    Sendable
{
    private var keys: [Key]
    private var values: [Value]
    private var zero: Value?
    private var mask: Int
    public private(set) var count = 0
    private let filler: Value

    /// `filler` stands in unused slots.
    public init(filler: Value, minimumCapacity: Int = 0) {
        var slots = 16
        while slots * 3 < minimumCapacity * 4 { slots *= 2 }
        self.filler = filler
        keys = Array(repeating: 0, count: slots)
        values = Array(repeating: filler, count: slots)
        mask = slots - 1
    }

    // Fibonacci hashing of the folded key: cheap, and spreads consecutive numbers.
    @inline(__always)
    private static func home(_ key: Key, _ mask: Int) -> Int {
        var folded = UInt64(truncatingIfNeeded: key)
        if Key.bitWidth > 64 { folded ^= UInt64(truncatingIfNeeded: key >> 64) }
        folded ^= folded >> 32
        let mixed = folded &* 0x9e37_79b9_7f4a_7c15
        return Int(truncatingIfNeeded: mixed ^ (mixed >> 29)) & mask
    }

    @inline(__always)
    public func find(_ key: Key) -> Value? {
        if key == 0 { return zero }
        return keys.withUnsafeBufferPointer { keys in
            var slot = Self.home(key, mask)
            while true {
                let found = keys[slot]
                if found == key { return values[slot] }
                if found == 0 { return nil }
                slot = (slot + 1) & mask
            }
        }
    }

    /// Has the slots of a key brought into the cache. In a table larger than the cache every look-up waits for memory; told
    /// `prefetchDistance` rows ahead, the waits overlap.
    @inline(__always)
    func prefetch(_ key: Key) {
        let home = Self.home(key, mask)
        keys.withUnsafeBufferPointer { weir_prefetch($0.baseAddress.unsafelyUnwrapped + home) }
        values.withUnsafeBufferPointer { weir_prefetch($0.baseAddress.unsafelyUnwrapped + home) }
    }

    static var prefetchDistance: Int { 12 }

    /// Stores a value and returns the one it replaced.
    @inline(__always)
    @discardableResult
    public mutating func set(_ key: Key, _ value: Value) -> Value? {
        if key == 0 {
            let old = zero
            if old == nil { count += 1 }
            zero = value
            return old
        }
        if (count + 1) * 4 > (mask + 1) * 3 { grow() }
        var slot = Self.home(key, mask)
        while true {
            let found = keys[slot]
            if found == key {
                let old = values[slot]
                values[slot] = value
                return old
            }
            if found == 0 {
                keys[slot] = key
                values[slot] = value
                count += 1
                return nil
            }
            slot = (slot + 1) & mask
        }
    }

    /// Removes a key and returns its value.
    @discardableResult
    public mutating func remove(_ key: Key) -> Value? {
        if key == 0 {
            let old = zero
            if old != nil { count -= 1 }
            zero = nil
            return old
        }
        var slot = Self.home(key, mask)
        while keys[slot] != key {
            if keys[slot] == 0 { return nil }
            slot = (slot + 1) & mask
        }
        let old = values[slot]
        count -= 1
        // Close the gap: an entry further on may move back unless that would put it before its home slot.
        var gap = slot
        var next = (slot + 1) & mask
        while keys[next] != 0 {
            let home = Self.home(keys[next], mask)
            if (next - home) & mask >= (next - gap) & mask {
                keys[gap] = keys[next]
                values[gap] = values[next]
                gap = next
            }
            next = (next + 1) & mask
        }
        keys[gap] = 0
        values[gap] = filler
        return old
    }

    private mutating func grow() {
        let oldKeys = keys
        let oldValues = values
        let slots = (mask + 1) * 2
        mask = slots - 1
        keys = Array(repeating: 0, count: slots)
        values = Array(repeating: filler, count: slots)
        for index in 0..<oldKeys.count where oldKeys[index] != 0 {
            var slot = Self.home(oldKeys[index], mask)
            while keys[slot] != 0 { slot = (slot + 1) & mask }
            keys[slot] = oldKeys[index]
            values[slot] = oldValues[index]
        }
    }

    /// Every entry, in no particular order.
    public func forEach(_ body: (Key, Value) -> Void) {
        if let zero { body(0, zero) }
        for slot in 0..<keys.count where keys[slot] != 0 { body(keys[slot], values[slot]) }
    }
}
