import Values

/// What is to be done about each file that a store does not reach: a decision without I/O.
public struct CleaningPlan: Sendable, Equatable {
    public enum State: Sendable, Equatable {
        /// It may be part of a commit in the making until that time, milliseconds since 1970.
        case young(untilMs: Int64)
        /// It can be put in quarantine.
        case found
        /// It stands in quarantine until that time.
        case held(untilMs: Int64)
        /// It has been in quarantine for long enough, has not changed, and is still not reached.
        case due
    }

    public struct Item: Sendable, Equatable {
        public let file: FoundFile
        public let state: State
    }

    public private(set) var items: [Item] = []
    /// Files in quarantine that the table needs again.
    public private(set) var reclaimed: [String] = []

    /// - Parameters:
    ///   - found: the files that are not reached.
    ///   - isReached: whether the store needs a file, by normal path.
    ///   - orphanAgeMs: the least age of files that nothing shows to have been part of the table.
    ///   - quarantineMs: how long files stand in quarantine.
    public init(
        _ found: [FoundFile],
        _ quarantine: Quarantine,
        isReached: (_ path: String) -> Bool,
        orphanAgeMs: Int64,
        quarantineMs: Int64,
        nowMs: Int64
    ) {
        for file in found {
            let state: State
            // A clock that was ahead when it was put there would hold it for that long.
            if let entry = quarantine.entries[FilePath.normal(file.path)], entry.file.isSame(as: file),
                entry.sinceMs <= nowMs
            {
                let until = entry.sinceMs.addingClamped(quarantineMs)
                // What it was when it was put there counts: the traces may be gone that showed it.
                items.append(Item(file: entry.file, state: nowMs > until ? .due : .held(untilMs: until)))
                continue
            }
            let until = file.modifiedMs.addingClamped(orphanAgeMs)
            state = file.fileClass == .expired || nowMs > until ? .found : .young(untilMs: until)
            items.append(Item(file: file, state: state))
        }
        items.sort {
            ($0.file.isMetadataRank, $0.file.modifiedMs, $0.file.path)
                < ($1.file.isMetadataRank, $1.file.modifiedMs, $1.file.path)
        }
        reclaimed = quarantine.entries.keys.filter(isReached).sorted()
    }
}

extension FoundFile {
    /// Whether nobody has written the file again.
    fileprivate func isSame(as other: FoundFile) -> Bool { size == other.size && modifiedMs == other.modifiedMs }

    /// The order in which files go: what leads to others goes after them, so that it can still be found what is left
    /// after a failure.
    fileprivate var isMetadataRank: Int {
        if path.hasSuffix(".metadata.json") { return 3 }
        guard path.hasSuffix(".avro") else { return 0 }
        return path.contains("/snap-") ? 2 : 1
    }
}
