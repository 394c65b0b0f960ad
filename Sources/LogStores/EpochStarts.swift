/// The offsets in a partition at which the epochs read so far begin. A flip uses them to find how far back its rows
/// reach.
struct EpochStarts: Codable, Equatable, Sendable {
    private struct Start: Codable, Equatable {
        /// One epoch, or a range of old ones.
        var first: Int64
        var last: Int64
        var offset: Int64
    }

    /// Maximum number of entries per upstream. Beyond it neighbouring epochs are merged, which only makes a flip read
    /// further back than necessary.
    private static let epochsMax = 1024

    /// Ascending epochs.
    private var starts: [UpstreamID: [Start]] = [:]

    /// Records the offset at which an epoch was first seen.
    mutating func note(_ upstream: UpstreamID, _ epoch: Int64, at offset: Int64) {
        var list = starts[upstream] ?? []
        if let newest = list.last, newest.last == epoch { return }
        let index = list.firstIndex { $0.last >= epoch } ?? list.count
        if index < list.count, list[index].first <= epoch { return }
        list.insert(Start(first: epoch, last: epoch, offset: offset), at: index)
        if list.count > Self.epochsMax { list = Self.merged(list) }
        starts[upstream] = list
    }

    private static func merged(_ list: [Start]) -> [Start] {
        // Keep the newest epochs separate: flips usually ask for those.
        let old = list.count / 2 & ~1
        var merged: [Start] = []
        for index in stride(from: 0, to: old, by: 2) {
            let (left, right) = (list[index], list[index + 1])
            merged.append(Start(first: left.first, last: right.last, offset: min(left.offset, right.offset)))
        }
        return merged + list[old...]
    }

    /// The first offset at which a row of a higher epoch may be; nil when none was read.
    func firstOffset(of upstream: UpstreamID, above epoch: Int64) -> Int64? {
        starts[upstream]?.lazy.filter { $0.last > epoch }.map(\.offset).min()
    }

    /// Removes higher epochs, whose rows have been retracted. A range that also holds other epochs is kept.
    mutating func forget(_ upstream: UpstreamID, above epoch: Int64) {
        starts[upstream]?.removeAll { $0.first > epoch }
        if starts[upstream]?.isEmpty == true { starts[upstream] = nil }
    }
}
