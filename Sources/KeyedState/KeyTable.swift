import CLinux

/// A hash table from key fingerprints to small plain values: open addressing, linear probing, no per-entry objects.
///
/// ```
/// keys    [k₀ k₁ 0 k₃ …]   0 marks a free slot; the fingerprint 0 itself lives in `zero`
/// values  [v₀ v₁ · v₃ …]
/// ```
/// At most three quarters of the slots are used. Removal shifts later entries back, so there are no tombstones that
/// would slow down a long-running table.
public struct KeyTable<
    Key: FixedWidthInteger & UnsignedInteger & BitwiseCopyable & Sendable,
    Value: BitwiseCopyable & Sendable
>:
    Sendable
{
    @usableFromInline var keys: [Key]
    @usableFromInline var values: [Value]
    @usableFromInline var zero: Value?
    @usableFromInline var mask: Int
    @usableFromInline var used = 0
    @usableFromInline let filler: Value
    @usableFromInline let seed: KeySeed

    /// Number of keys.
    @inlinable
    public var count: Int { used }

    /// `filler` fills unused slots.
    @inlinable
    public init(filler: Value, seed: KeySeed = .process) {
        let slots = 16
        self.filler = filler
        self.seed = seed
        keys = Array(repeating: 0, count: slots)
        values = Array(repeating: filler, count: slots)
        mask = slots - 1
    }

    /// Removes all keys and keeps the memory.
    mutating func removeAll() {
        keys.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
        values.withUnsafeMutableBufferPointer { [filler] in $0.update(repeating: filler) }
        zero = nil
        used = 0
    }

    /// Bytes of memory that the table takes.
    var byteCount: Int { (mask + 1) * (MemoryLayout<Key>.stride + MemoryLayout<Value>.stride) }

    /// The first slot to probe for a key. The key is multiplied by the seed, folded, and multiplied by a constant, so
    /// that keys of any stride spread with every seed.
    @inlinable
    @inline(__always)
    func home(_ key: Key) -> Int {
        let low = UInt64(truncatingIfNeeded: key) ^ seed.first
        let high = Key.bitWidth > 64 ? UInt64(truncatingIfNeeded: key >> 64) ^ seed.second : seed.second
        let product = low.multipliedFullWidth(by: high)
        let mixed = (product.high ^ product.low).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
        return Int(truncatingIfNeeded: mixed.high ^ mixed.low) & mask
    }

    /// The slot of a key, or the free slot for it. Not for the key 0.
    @inlinable
    @inline(__always)
    func slot(of key: Key) -> Int {
        let start = home(key)
        return keys.withUnsafeBufferPointer { keys in
            var slot = start
            while true {
                let found = keys[slot]
                if found == key || found == 0 { return slot }
                slot = (slot + 1) & mask
            }
        }
    }

    @inlinable
    @inline(__always)
    public func find(_ key: Key) -> Value? {
        if key == 0 { return zero }
        let slot = slot(of: key)
        return keys[slot] == key ? values[slot] : nil
    }

    @inlinable
    @inline(__always)
    public func forEach(_ wanted: [Key], _ body: (_ row: Int, _ value: Value?) -> Void) {
        for row in 0..<wanted.count {
            prefetch(wanted, row)
            body(row, find(wanted[row]))
        }
    }

    /// Calls `body` with the value of a key, which it may set, replace, or remove by making it nil.
    @inlinable
    @inline(__always)
    public mutating func update(_ key: Key, _ body: (_ value: inout Value?) -> Void) {
        let slot = key == 0 ? -1 : slot(of: key)
        let isThere = key == 0 ? zero != nil : keys[slot] == key
        var value = key == 0 ? zero : isThere ? values[slot] : nil
        body(&value)
        if key == 0 {
            zero = value
            used += (value != nil ? 1 : 0) - (isThere ? 1 : 0)
        } else if let value {
            if isThere { values[slot] = value } else { insert(key, value, at: slot) }
        } else if isThere {
            remove(at: slot)
        }
    }

    @inlinable
    @inline(__always)
    public mutating func update(_ wanted: [Key], _ body: (_ row: Int, _ value: inout Value?) -> Void) {
        for row in 0..<wanted.count {
            prefetch(wanted, row)
            update(wanted[row]) { body(row, &$0) }
        }
    }

    /// Prefetches the slots of a key some rows ahead. In a table larger than the cache every look-up waits for memory;
    /// prefetching overlaps these waits.
    @inlinable
    @inline(__always)
    func prefetch(_ wanted: [Key], _ row: Int) {
        let ahead = row + 12
        if ahead >= wanted.count { return }
        let home = home(wanted[ahead])
        keys.withUnsafeBufferPointer { weir_prefetch($0.baseAddress.unsafelyUnwrapped + home) }
        values.withUnsafeBufferPointer { weir_prefetch($0.baseAddress.unsafelyUnwrapped + home) }
    }

    /// Stores a value and returns the one it replaced.
    @inlinable
    @inline(__always)
    @discardableResult
    public mutating func set(_ key: Key, _ value: Value) -> Value? {
        var old: Value?
        update(key) {
            old = $0
            $0 = value
        }
        return old
    }

    /// Removes a key and returns its value.
    @inlinable
    @inline(__always)
    @discardableResult
    public mutating func remove(_ key: Key) -> Value? {
        var old: Value?
        update(key) {
            old = $0
            $0 = nil
        }
        return old
    }

    @inlinable
    @inline(__always)
    mutating func insert(_ key: Key, _ value: Value, at free: Int) {
        var free = free
        if (used + 1) * 4 > (mask + 1) * 3 {
            grow()
            free = slot(of: key)
        }
        keys[free] = key
        values[free] = value
        used += 1
    }

    @inlinable
    mutating func remove(at slot: Int) {
        used -= 1
        // Close the gap: a later entry may move back unless that would put it before its home slot.
        var gap = slot
        var next = (slot + 1) & mask
        while keys[next] != 0 {
            let home = home(keys[next])
            if (next - home) & mask >= (next - gap) & mask {
                keys[gap] = keys[next]
                values[gap] = values[next]
                gap = next
            }
            next = (next + 1) & mask
        }
        keys[gap] = 0
        values[gap] = filler
    }

    @inlinable
    mutating func grow() {
        let oldKeys = keys
        let oldValues = values
        let slots = (mask + 1) * 2
        mask = slots - 1
        keys = Array(repeating: 0, count: slots)
        values = Array(repeating: filler, count: slots)
        for index in 0..<oldKeys.count where oldKeys[index] != 0 {
            let slot = slot(of: oldKeys[index])
            keys[slot] = oldKeys[index]
            values[slot] = oldValues[index]
        }
    }

    /// Visits all entries in no defined order.
    public func forEach(_ body: (Key, Value) -> Void) {
        if let zero { body(0, zero) }
        for slot in 0..<keys.count where keys[slot] != 0 { body(keys[slot], values[slot]) }
    }

    /// Calls `body` with all keys, some at a time, in no order.
    func forEachBatch(_ body: ([Key]) -> Void) {
        var some: [Key] = []
        forEach { key, _ in
            some.append(key)
            if some.count < Self.batchKeys { return }
            body(some)
            some.removeAll(keepingCapacity: true)
        }
        if !some.isEmpty { body(some) }
    }

    private static var batchKeys: Int { 65_536 }

    /// Replaces all values at once. `body` gets them in no defined order, with the filler of free slots, which it keeps.
    mutating func replaceValues(_ body: (inout [Value]) -> Void) {
        body(&values)
        if let value = zero {
            var one = [value]
            body(&one)
            zero = one[0]
        }
    }
}
