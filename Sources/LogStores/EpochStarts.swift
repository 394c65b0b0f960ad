/// Where in a partition the epochs that were read began, so that a flip knows how far back its rows reach.
struct EpochStarts: Codable, Equatable, Sendable {
    private struct Start: Codable, Equatable {
        var epoch: Int64
        var offset: Int64
    }

    /// Epochs remembered of one upstream; beyond it neighbours are remembered as one, which only makes a flip look
    /// further back than it needs to.
    private static let epochsMax = 1024

    /// Ascending epochs.
    private var starts: [UpstreamID: [Start]] = [:]

    /// Remembers where an epoch was first seen.
    mutating func note(_ upstream: UpstreamID, _ epoch: Int64, at offset: Int64) {
        var list = starts[upstream] ?? []
        if let last = list.last, last.epoch == epoch { return }
        let place = list.firstIndex { $0.epoch >= epoch } ?? list.count
        if place < list.count, list[place].epoch == epoch { return }
        list.insert(Start(epoch: epoch, offset: offset), at: place)
        if list.count > Self.epochsMax { list = Self.merged(list) }
        starts[upstream] = list
    }

    private static func merged(_ list: [Start]) -> [Start] {
        // The newest are the ones that flips ask for.
        let old = list.count / 2
        var merged: [Start] = []
        for pair in stride(from: 0, to: old - 1, by: 2) {
            let offset = min(list[pair].offset, list[pair + 1].offset)
            merged.append(Start(epoch: list[pair + 1].epoch, offset: offset))
        }
        return merged + list[(old & ~1)...]
    }

    /// The first offset at which a row of a higher epoch may stand; nil when none was read.
    func firstOffset(of upstream: UpstreamID, above epoch: Int64) -> Int64? {
        starts[upstream]?.lazy.filter { $0.epoch > epoch }.map(\.offset).min()
    }

    /// Forgets higher epochs, whose rows have been taken back.
    mutating func forget(_ upstream: UpstreamID, above epoch: Int64) {
        starts[upstream]?.removeAll { $0.epoch > epoch }
        if starts[upstream]?.isEmpty == true { starts[upstream] = nil }
    }
}
