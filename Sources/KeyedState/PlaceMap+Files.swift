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

    /// Saves the map for the next process.
    ///
    /// - Parameters:
    ///   - point: the state of the table that the map reflects.
    ///   - payload: what the owner needs to use the map again.
    public mutating func save(
        to folder: StateFolder,
        as identity: StateIdentity,
        at point: StatePoint,
        payload: [UInt8] = []
    ) throws(WeirError) {
        freeze()
        // A translation is not saved.
        while !isFinal, let merge = dueMerge(finalizes: true) { adopt(merge.merged()) }
        let (files, shards) = areNarrow ? try narrow.write(to: folder) : try wide.write(to: folder)
        let list = SavedList(
            identity: identity,
            point: point,
            map: self,
            files: files,
            shards: shards,
            payload: payload
        )
        let used = narrow.fileNames.union(wide.fileNames)
        try folder.save(list.encoded(), needing: Set(files), besides: used)
    }

    /// The map that was saved in a folder, after all its bytes were checked.
    ///
    /// - Throws: when the folder cannot be read at all.
    public static func open(
        _ folder: StateFolder,
        as identity: StateIdentity,
        settings: Settings = Settings()
    ) throws(WeirError) -> OpenedPlaces {
        guard let bytes = try folder.savedState() else { return .nothing }
        do throws(WeirError) {
            let path = folder.path + "/" + StateFolder.stateName
            let list = try SavedList(bytes, name: path)
            guard list.identity == identity else {
                throw WeirError(.invalid, "the saved key index is of another table, or of other keys", at: path)
            }
            var own = settings
            own.shardBits = list.shardBits
            var map = PlaceMap(areNarrow: list.areNarrow, seed: list.seed, settings: own)
            map.live = list.keyCount
            if list.areNarrow {
                try map.narrow.read(list, from: folder)
            } else {
                try map.wide.read(list, from: folder)
            }
            folder.keep(Set(list.files))
            return .saved(SavedPlaces(map: map, point: list.point, payload: list.payload))
        } catch {
            return .unusable(error)
        }
    }
}

extension RunSet {
    fileprivate mutating func spill(to folder: StateFolder, memory: Int) throws(WeirError) {
        let inMemory = shards.joined().filter { $0.file == nil }.sorted { $0.body.count > $1.body.count }
        for run in inMemory where byteCount > memory {
            let header = RunFile.header(of: run, seed: seed)
            let name = try folder.write { (write) throws(WeirError) in
                try header.bytes.withUnsafeBufferPointer { (bytes) throws(WeirError) in
                    try write(UnsafeRawBufferPointer(bytes))
                }
                try write(run.body.bytes)
            }
            let file = try folder.map(name)
            guard let base = file.bytes.baseAddress, file.bytes.count == RunFile.headerBytes + run.body.count else {
                throw WeirError(.storage, "the file of a run is not as long as it was written", at: name)
            }
            let body = Buffer(base: base + RunFile.headerBytes, count: run.body.count, owner: file)
            move(
                run,
                to: KeyRun(body: body, shard: run.shard, layout: run.view.layout, version: run.version, file: name)
            )
        }
    }

    /// Writes the runs that are in memory to one file.
    ///
    /// - Returns: the names of all files, and where the runs of each shard are.
    fileprivate func write(to folder: StateFolder) throws(WeirError) -> ([String], [[SavedList.Run]]) {
        var names = fileNames.sorted()
        let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        var lists: [[SavedList.Run]] = []
        let new = names.count
        var offset = 0
        let name = try folder.write { (write) throws(WeirError) in
            for runs in shards {
                var list: [SavedList.Run] = []
                for run in runs {
                    let header = RunFile.header(of: run, seed: seed)
                    if let file = run.file, let number = numbers[file] {
                        list.append(SavedList.Run(file: number, offset: run.fileOffset, checksum: header.checksum))
                        continue
                    }
                    try header.bytes.withUnsafeBufferPointer { (bytes) throws(WeirError) in
                        try write(UnsafeRawBufferPointer(bytes))
                    }
                    try write(run.body.bytes)
                    list.append(SavedList.Run(file: new, offset: offset, checksum: header.checksum))
                    offset += RunFile.headerBytes + run.body.count
                }
                lists.append(list)
            }
        }
        names.append(name)
        return (names, lists)
    }

    fileprivate mutating func read(_ list: SavedList, from folder: StateFolder) throws(WeirError) {
        var mapped: [MappedFile] = []
        for name in list.files {
            guard !name.contains("/") else {
                throw WeirError(.corrupt, "a file of the key index is elsewhere", at: name)
            }
            mapped.append(try folder.map(name))
        }
        let files = mapped
        for file in files { file.readAhead() }
        let wanted = list.shards.enumerated().map { (shard: $0, runs: $1) }
        let (seed, shardBits) = (seed, shardBits)
        let found = try concurrently(wanted) { (shard) throws(WeirError) in
            var runs: [KeyRun<Hash>] = []
            for run in shard.runs {
                runs.append(
                    try RunFile.run(
                        in: files[run.file],
                        at: run.offset,
                        name: list.files[run.file],
                        seed: seed,
                        shard: shard.shard,
                        shardBits: shardBits,
                        checksum: run.checksum
                    )
                )
            }
            return runs
        }
        for runs in found { add(runs.reversed()) }
    }
}
