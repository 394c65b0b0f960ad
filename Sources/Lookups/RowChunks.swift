import Columnar

/// Rows in columnar chunks, of which some die while others come.
///
/// ```
/// slots  [rows₀ · rows₂ rows₃ …]    of which so many live
/// tiers  slots of chunks of about the same size, smallest first
/// ```
/// Eight chunks of a tier become one of the next, without their dead rows: a row is copied a few times in its life,
/// whatever the size of the table. Chunks of the last tier are copied again only when half of their rows are dead. Every
/// chunk stays far below the 2 GiB of text that a column can hold.
struct RowChunks {
    private static let fanIn = 8
    /// Rows of so many bytes count as one.
    private static let rowBytes = 1024

    /// From these sizes on a chunk is in the last tier.
    private let fullRows: Int
    private let fullBytes: Int
    private let lastTier: Int

    init(fullRows: Int = 131_072, fullBytes: Int = 32 << 20) {
        self.fullRows = fullRows
        self.fullBytes = fullBytes
        lastTier = Self.steps(max(fullRows, fullBytes / Self.rowBytes)) + 1
    }

    /// Nil where there is none; the number of a slot is used again.
    private(set) var slots: [ColumnBatch?] = []
    /// Rows of each slot, and those of them that live.
    private var sizes: [Int] = []
    private var live: [Int] = []
    private var free: [Int] = []
    private var tiers: [[Int]] = []
    /// Chunks of the last tier with too many dead rows.
    private var sparse: Set<Int> = []
    /// Rows copied to put chunks together.
    private(set) var copied = 0

    /// Chunks there are.
    var count: Int { slots.count - free.count }
    var byteCount: Int { slots.reduce(0) { $0 + ($1?.byteCount ?? 0) } }

    /// Adds rows, all of them living, and returns their slot.
    mutating func add(_ rows: ColumnBatch) -> Int {
        let slot = free.popLast() ?? slots.count
        if slot == slots.count {
            slots.append(nil)
            sizes.append(0)
            live.append(0)
        }
        slots[slot] = rows
        sizes[slot] = rows.count
        live[slot] = rows.count
        let tier = tier(of: rows)
        while tiers.count <= tier { tiers.append([]) }
        tiers[tier].append(slot)
        return slot
    }

    /// One row of a slot is wanted no more.
    mutating func lose(_ slot: Int) {
        live[slot] -= 1
        // Told once, when half of them are gone, and when all are.
        if live[slot] == 0 || live[slot] == (sizes[slot] - 1) / 2 { sparse.insert(slot) }
    }

    func hasLive(_ slot: Int) -> Bool { live[slot] > 0 }

    /// The slots that should be put together now; empty when there are none.
    mutating func due() -> [Int] {
        for (tier, members) in tiers.enumerated() where members.count >= Self.fanIn && tier < lastTier {
            return members
        }
        while let slot = sparse.popFirst() {
            guard let rows = slots[slot] else { continue }
            // Small ones get their turn with others of their size.
            if live[slot] == 0 || tier(of: rows) == lastTier { return [slot] }
        }
        return []
    }

    /// Takes slots away whose living rows are elsewhere by now.
    mutating func remove(_ old: [Int], copied rows: Int) {
        let gone = Set(old)
        for tier in tiers.indices { tiers[tier].removeAll { gone.contains($0) } }
        for slot in old {
            slots[slot] = nil
            free.append(slot)
            sparse.remove(slot)
        }
        copied += rows
    }

    private func tier(of rows: ColumnBatch) -> Int {
        let bytes = rows.byteCount
        if rows.count >= fullRows || bytes >= fullBytes { return lastTier }
        return Self.steps(max(rows.count, bytes / Self.rowBytes))
    }

    /// How often a number can be divided by the fan-in, and once more for what is left.
    private static func steps(_ number: Int) -> Int {
        var rest = number
        var steps = 0
        while rest > 0 {
            rest /= fanIn
            steps += 1
        }
        return steps
    }
}
