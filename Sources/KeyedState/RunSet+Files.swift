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
        let copies = try write(missing, to: folder)
        for (run, copy) in zip(missing, copies) {
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

    /// Writes runs to one file.
    ///
    /// - Parameter check: called for each run; an error it throws ends the writing.
    private func write(
        _ runs: [KeyRun<Hash>],
        to folder: StateFolder,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> [RunCopy] {
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
        return places.map { RunCopy(file: name, offset: $0.offset, checksum: $0.checksum) }
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
        let copies = try write(missing, to: folder, check: check)
        var mapped: [String: MappedFile] = [:]
        for (run, copy) in zip(missing, copies) {
            move(run, to: run.isMapped ? try mapping(run, at: copy, in: folder, &mapped) : run.copied(to: copy))
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
