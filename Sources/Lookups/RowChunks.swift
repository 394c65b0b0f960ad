import Columnar

/// Rows in columnar chunks, with live and dead rows.
///
/// ```
/// slots  [rows₀ · rows₂ rows₃ …]    each with its number of live rows
/// tiers  slots of chunks of similar size, smallest first
/// ```
/// Eight chunks of a tier are merged into one of the next, without their dead rows, so a row is copied only a few
/// times, whatever the size of the table. A chunk of the last tier is copied again only when half of its rows are dead.
/// Every chunk stays far below the 2 GiB of text that a column can hold.
struct RowChunks {
    private static let fanIn = 8
    /// Bytes that weigh as much as one row when a chunk's tier is computed.
    private static let rowBytes = 1024

    /// A chunk of at least one of these sizes is in the last tier.
    private let fullRows: Int
    private let fullBytes: Int
    private let lastTier: Int

    init(fullRows: Int = 131_072, fullBytes: Int = 32 << 20) {
        self.fullRows = fullRows
        self.fullBytes = fullBytes
        lastTier = Self.steps(max(fullRows, fullBytes / Self.rowBytes)) + 1
    }

    /// Nil for a free slot; slots are reused.
    private(set) var slots: [ColumnBatch?] = []
    /// Total and live rows of each slot.
    private var sizes: [Int] = []
    private var live: [Int] = []
    private var free: [Int] = []
    private var tiers: [[Int]] = []
    /// Chunks with too many dead rows.
    private var sparse: Set<Int> = []
    /// Rows copied by merging chunks.
    private(set) var copied = 0

    /// Number of chunks.
    var count: Int { slots.count - free.count }
    var byteCount: Int { slots.reduce(0) { $0 + ($1?.byteCount ?? 0) } }

    /// Adds rows, all of them live, and returns their slot.
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

    /// Marks one row of a slot as dead.
    mutating func lose(_ slot: Int) {
        live[slot] -= 1
        // Inserted when half of the rows are dead, and again when all are.
        if live[slot] == 0 || live[slot] == (sizes[slot] - 1) / 2 { sparse.insert(slot) }
    }

    func hasLive(_ slot: Int) -> Bool { live[slot] > 0 }

    /// The slots to merge now; empty when there are none.
    mutating func due() -> [Int] {
        for (tier, members) in tiers.enumerated() where members.count >= Self.fanIn && tier < lastTier {
            return members
        }
        while let slot = sparse.popFirst() {
            guard let rows = slots[slot] else { continue }
            // Smaller chunks are merged with others of their tier.
            if live[slot] == 0 || tier(of: rows) == lastTier { return [slot] }
        }
        return []
    }

    /// Removes slots whose live rows were copied to another slot.
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

    /// The number of divisions by the fan-in until nothing is left.
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
