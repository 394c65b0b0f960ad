import Bytes
import ObjectStorage

extension RunSet {
    mutating func spill(to folder: StateFolder, memory: Int) throws(WeirError) {
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
    func write(to folder: StateFolder) throws(WeirError) -> ([String], [[SavedList.Run]]) {
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

    mutating func read(_ list: SavedList, from folder: StateFolder) throws(WeirError) {
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
