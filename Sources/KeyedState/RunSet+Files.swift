import Bytes
import ObjectStorage

extension RunSet {
    private var allRuns: some Sequence<KeyRun<Hash>> { shards.joined() }

    // MARK: Spilling

    /// Maps the largest runs from files until those in memory take at most `memory` bytes.
    ///
    /// Runs that no file has are written to one file together: the runs of different shards become old at about the same
    /// time, and many small files would be many mappings.
    mutating func spill(to folder: StateFolder, memory: Int) throws(WeirError) {
        var left = byteCount
        var chosen: [KeyRun<Hash>] = []
        for run in allRuns.filter({ !$0.isMapped }).sorted(by: { $0.body.count > $1.body.count }) where left > memory {
            chosen.append(run)
            left -= run.body.count
        }
        if chosen.isEmpty { return }
        var mapped: [String: MappedFile] = [:]
        var missing: [KeyRun<Hash>] = []
        for run in chosen {
            guard let copy = run.copy, let moved = try? mapping(run, at: copy, in: folder, &mapped) else {
                missing.append(run)
                continue
            }
            move(run, to: moved)
        }
        for (run, copy) in try write(missing, to: folder) {
            move(run, to: try mapping(run, at: copy, in: folder, &mapped))
        }
    }

    /// A run as a file has it, after its bytes were checked.
    private func mapping(
        _ run: KeyRun<Hash>,
        at copy: RunCopy,
        in folder: StateFolder,
        _ mapped: inout [String: MappedFile]
    ) throws(WeirError) -> KeyRun<Hash> {
        let file: MappedFile
        if let known = mapped[copy.file] { file = known } else { file = try folder.map(copy.file) }
        mapped[copy.file] = file
        let found: KeyRun<Hash> = try RunFile.run(
            in: file,
            at: copy.offset,
            name: copy.file,
            seed: seed,
            shard: run.shard,
            shardBits: shardBits,
            version: run.version,
            checksum: copy.checksum
        )
        guard found.view.layout == run.view.layout else {
            throw WeirError(.corrupt, "a file of the key index has another run than was written", at: copy.file)
        }
        return found
    }

    /// Writes runs to one file, which they name from then on.
    ///
    /// - Parameter check: called for each run; an error it throws ends the writing.
    /// - Returns: the runs as they are now, with their copies.
    private mutating func write(
        _ runs: [KeyRun<Hash>],
        to folder: StateFolder,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> [(run: KeyRun<Hash>, copy: RunCopy)] {
        if runs.isEmpty { return [] }
        var places: [(offset: Int, checksum: UInt32)] = []
        var offset = 0
        let name = try folder.write { (write) throws(WeirError) in
            for run in runs {
                try check()
                let header = RunFile.header(of: run, seed: seed)
                try header.bytes.withUnsafeBufferPointer { (bytes) throws(WeirError) in
                    try write(UnsafeRawBufferPointer(bytes))
                }
                try write(run.body.bytes)
                places.append((offset, header.checksum))
                offset += RunFile.headerBytes + run.body.count
            }
        }
        return zip(runs, places).map { run, place in
            let copy = RunCopy(file: name, offset: place.offset, checksum: place.checksum)
            let copied = run.copied(to: copy)
            move(run, to: copied)
            return (copied, copy)
        }
    }

    // MARK: Saving

    /// Gives every run a copy in a file.
    ///
    /// Runs are written again whose file is gone or consists mostly of runs that are gone, so that files take at most
    /// about twice the bytes of the runs.
    mutating func store(in folder: StateFolder, check: () throws(WeirError) -> Void) throws(WeirError) {
        let sizes = try folder.sizes()
        var used: [String: Int] = [:]
        for run in allRuns {
            if let file = run.copy?.file { used[file, default: 0] += RunFile.headerBytes + run.body.count }
        }
        let good = Set(used.filter { (sizes[$0] ?? -1) >= $1 && (sizes[$0] ?? 0) <= 2 * $1 }.keys)
        let missing = allRuns.filter { run in run.copy.map { !good.contains($0.file) } ?? true }
        var mapped: [String: MappedFile] = [:]
        for (run, copy) in try write(missing, to: folder, check: check) where run.isMapped {
            move(run, to: try mapping(run, at: copy, in: folder, &mapped))
        }
    }

    /// The files of all runs, and where they have the runs of each shard. All runs have a copy.
    func saved() -> (files: [String], shards: [[SavedList.Run]]) {
        let names = fileNames.sorted()
        let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        let lists = shards.map { runs in
            runs.map { run in
                guard let copy = run.copy, let number = numbers[copy.file] else {
                    preconditionFailure("a run without a copy is not saved")
                }
                return SavedList.Run(file: number, offset: copy.offset, checksum: copy.checksum)
            }
        }
        return (names, lists)
    }

    /// - Parameter check: called periodically; an error it throws ends the reading.
    mutating func read(
        _ list: SavedList,
        from folder: StateFolder,
        check: () throws(WeirError) -> Void
    ) throws(WeirError) {
        for name in list.files where name.contains("/") {
            throw WeirError(.corrupt, "a file of the key index is elsewhere", at: name)
        }
        let files = try concurrently(list.files, check: check) { (name, stop) throws(WeirError) in
            try folder.readThrough(name, check: stop)
            return try folder.map(name)
        }
        let wanted = list.shards.enumerated().map { (shard: $0, runs: $1) }
        let (seed, shardBits) = (seed, shardBits)
        let found = try concurrently(wanted, check: check) { (shard, stop) throws(WeirError) in
            var runs: [KeyRun<Hash>] = []
            for run in shard.runs {
                try stop()
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
