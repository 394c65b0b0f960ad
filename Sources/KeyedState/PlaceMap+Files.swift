import Bytes
import ObjectStorage

extension PlaceMap {
    // MARK: Spilling

    /// Moves the largest runs to files until the map takes at most `memory` bytes, as far as it can.
    ///
    /// After a failure, such as a full disk, the map is whole and takes more memory.
    public mutating func spill(to folder: StateFolder, memory: Int) throws(WeirError) {
        folder.remove(narrow.takeUnusedFiles() + wide.takeUnusedFiles())
        if byteCount <= memory { return }
        if recent.byteCount > memory / 2 {
            freeze()
            recent = KeyMap(filler: .none, seed: seed)
        }
        let left = max(0, memory - recent.byteCount)
        if areNarrow {
            try narrow.spill(to: folder, memory: left)
        } else {
            try wide.spill(to: folder, memory: left)
        }
    }

    // MARK: Saving

    /// Saves the map for the next process. What earlier saves and spills have written is not written again.
    ///
    /// After a failure the map is whole, and so is what was saved before.
    ///
    /// - Parameters:
    ///   - point: the state of the table that the map reflects.
    ///   - payload: what the owner needs to use the map again.
    ///   - check: called now and then; an error it throws ends the saving.
    public mutating func save(
        to folder: StateFolder,
        as identity: StateIdentity,
        at point: StatePoint,
        payload: [UInt8] = [],
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) {
        freeze()
        // A translation is not saved.
        while !isFinal, let merge = dueMerge(finalizes: true) {
            try check()
            adopt(merge.merged())
        }
        if areNarrow {
            try narrow.store(in: folder, check: check)
        } else {
            try wide.store(in: folder, check: check)
        }
        let (files, shards) = areNarrow ? narrow.saved() : wide.saved()
        let list = SavedList(
            identity: identity,
            point: point,
            map: self,
            files: files,
            shards: shards,
            payload: payload
        )
        try folder.save(list.encoded(), needing: Set(files))
        // They went with what was saved before.
        _ = narrow.takeUnusedFiles() + wide.takeUnusedFiles()
    }

    /// The map that was saved in a folder, after all its bytes were checked. Files that it does not need are removed.
    ///
    /// - Parameter check: called periodically; an error it throws ends the reading, and is thrown.
    public static func open(
        _ folder: StateFolder,
        as identity: StateIdentity,
        settings: Settings = Settings(),
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> OpenedPlaces {
        var end: WeirError?
        func watch() throws(WeirError) {
            do throws(WeirError) {
                try check()
            } catch {
                end = error
                throw error
            }
        }
        let path = folder.path + "/" + StateFolder.stateName
        do throws(WeirError) {
            guard let bytes = try folder.savedState() else {
                folder.keep([])
                return .nothing
            }
            let list = try SavedList(bytes, name: path)
            guard list.identity == identity else {
                throw WeirError(.invalid, "the saved key index is of another table, or of other keys", at: path)
            }
            var own = settings
            own.shardBits = list.shardBits
            var map = PlaceMap(areNarrow: list.areNarrow, seed: list.seed, settings: own)
            map.live = list.keyCount
            if list.areNarrow {
                try map.narrow.read(list, from: folder, check: watch)
            } else {
                try map.wide.read(list, from: folder, check: watch)
            }
            guard list.keyCount <= map.narrow.entryCount + map.wide.entryCount else {
                throw WeirError(.corrupt, "the saved state of the key index has too few keys", at: path)
            }
            folder.keep(Set(list.files))
            return .saved(SavedPlaces(map: map, point: list.point, payload: list.payload))
        } catch {
            if let end { throw end }
            return .unusable(error)
        }
    }
}
