/// The unsynced writes to a file, on top of its content at the last sync.
struct UnsyncedWrites: Sendable {
    private enum Change {
        case write([UInt8], at: Int)
        case truncate(to: Int)
    }

    private var synced: [UInt8]
    private var changes: [Change] = []

    init(synced: [UInt8]) { self.synced = synced }

    var isSynced: Bool { changes.isEmpty }

    mutating func write(_ bytes: [UInt8], at offset: Int) { changes.append(.write(bytes, at: offset)) }
    mutating func truncate(to size: Int) { changes.append(.truncate(to: size)) }

    mutating func sync() {
        for change in changes { Self.apply(change, to: &synced) }
        changes = []
    }

    /// The file after a power failure: each page as of any of the changes, truncated to the size after any of them.
    func drawn(pageBytes: Int, using random: inout some RandomNumberGenerator) -> [UInt8] {
        var states = [synced]
        for change in changes {
            var next = states[states.count - 1]
            Self.apply(change, to: &next)
            states.append(next)
        }
        let size = states.randomElement(using: &random)?.count ?? 0
        // Sometimes nearly all writes arrive, sometimes hardly any.
        let arriving = Double.random(in: 0...1, using: &random)
        var left: [UInt8] = []
        while left.count < size {
            let page = left.count..<min(left.count + pageBytes, size)
            let state =
                Double.random(in: 0...1, using: &random) < arriving
                ? states[states.count - 1] : states.randomElement(using: &random) ?? synced
            for index in page { left.append(index < state.count ? state[index] : 0) }
        }
        return left
    }

    private static func apply(_ change: Change, to bytes: inout [UInt8]) {
        switch change {
        case .write(let written, let offset):
            if bytes.count < offset + written.count {
                bytes.append(contentsOf: repeatElement(0, count: offset + written.count - bytes.count))
            }
            bytes.replaceSubrange(offset..<offset + written.count, with: written)
        case .truncate(let size):
            if size <= bytes.count {
                bytes.removeLast(bytes.count - size)
            } else {
                bytes.append(contentsOf: repeatElement(0, count: size - bytes.count))
            }
        }
    }
}
