/// A merge of some runs of a map, which any thread may work off while the map is used.
public struct PlaceMerge: Sendable {
    enum Task: Sendable {
        case narrow(RunMerge<UInt64>)
        case wide(RunMerge<UInt128>)
    }

    let task: Task

    /// Entries to read.
    public var work: Int {
        switch task {
        case .narrow(let merge): merge.work
        case .wide(let merge): merge.work
        }
    }

    /// Does the work. The map takes the result with `adopt`.
    public func merged() -> MergedPlaces {
        switch task {
        case .narrow(let merge): MergedPlaces(result: .narrow(merge.merged(), merge))
        case .wide(let merge): MergedPlaces(result: .wide(merge.merged(), merge))
        }
    }
}

/// The result of a merge.
public struct MergedPlaces: Sendable {
    enum Result: Sendable {
        case narrow(MergedRun<UInt64>, RunMerge<UInt64>)
        case wide(MergedRun<UInt128>, RunMerge<UInt128>)
    }

    let result: Result
}
