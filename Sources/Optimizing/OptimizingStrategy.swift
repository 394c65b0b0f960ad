import Bytes
import Columnar
import MixedTables

/// Decides what to do about the files of a table: a function of a picture of it, without I/O (spec sections 10.2 to 10.4).
///
/// After its plan was carried out, and nothing else has happened, the answer is "nothing". Cheap steps come first: loose
/// deletes, then files with many deleted rows, then small files. Full rewrites are only made when asked for, or when their
/// interval has passed.
public struct OptimizingStrategy: Sendable {
    /// What is asked for.
    public enum Request: Sendable, Equatable {
        /// What is due, with the times since the last minor and full optimizing, in milliseconds; nil for never.
        case due(sinceMinor: Int64?, sinceFull: Int64?)
        /// A kind and the cheaper ones, as far as they change anything, whatever the triggers say.
        case kind(OptimizingKind)
    }

    public var settings: OptimizingSettings
    /// Bytes that one plan reads, as far as several steps are concerned.
    public var bytesMax: Int64

    public init(_ settings: OptimizingSettings, bytesMax: Int64 = 512 << 20) {
        (self.settings, self.bytesMax) = (settings, bytesMax)
    }

    public func plan(_ picture: TablePicture, _ request: Request) -> OptimizingPlan {
        var steps: [OptimizingPlan.Step] = []
        for partition in picture.partitions { steps += self.steps(partition, picture, request) }
        // Deletes first, then the most deleted rows per byte, then the smallest files.
        steps = steps.enumerated().sorted { left, right in
            let (a, b) = (Self.order(left.element), Self.order(right.element))
            return (a.0, a.1, left.offset) < (b.0, b.1, right.offset)
        }.map(\.element)
        var plan = OptimizingPlan()
        var (bytes, files) = (Int64(0), 0)
        for step in steps {
            // Deletes are cheap, and an equality-delete file goes only when all data files are rid of it.
            let isFree = step.work == .deletes || step.deletedRows >= step.rows
            let fits = step.bytes <= bytesMax.subtractingClamped(bytes) && step.files.count <= settings.filesMax - files
            guard isFree || fits || bytes == 0 else {
                plan.left += 1
                continue
            }
            plan.steps.append(step)
            if !isFree {
                bytes = bytes.addingClamped(step.bytes)
                files += step.files.count
            }
        }
        return plan
    }

    private static func order(_ step: OptimizingPlan.Step) -> (Int, Double) {
        switch step.reason {
        case .looseDeletes: (0, 0)
        case .deletedRows: (1, -Double(step.deletedRows) / Double(max(1, step.bytes)))
        case .fragments: (2, Double(step.bytes))
        case .undersized: (3, Double(step.bytes))
        case .requested: (4, 0)
        }
    }

    // MARK: One partition

    private func steps(
        _ partition: TablePicture.Partition,
        _ picture: TablePicture,
        _ request: Request
    ) -> [OptimizingPlan.Step] {
        let files = partition.files
        if case .kind(.full) = request { return full(partition, picture, all: false) }
        if case .due(_, let sinceFull) = request, settings.fullInterval >= 0,
            sinceFull.map({ $0 >= settings.fullInterval }) ?? true
        {
            let isWanted = files.contains { $0.hasDeletes } || !full(partition, picture, all: false).isEmpty
            if isWanted { return full(partition, picture, all: settings.fullRewritesAll) }
        }
        var steps: [OptimizingPlan.Step] = []
        var taken: Set<Int> = []
        func add(
            _ kind: OptimizingKind,
            _ work: OptimizingPlan.Step.Work,
            _ reason: OptimizingPlan.Reason,
            _ some: [TablePicture.File]
        ) {
            if some.isEmpty { return }
            taken.formUnion(some.map(\.id))
            steps.append(Self.step(kind, work, reason, partition.path, some))
        }
        let allowsMajor = request != .kind(.minor)
        if allowsMajor {
            for file in files where isWorn(file) {
                add(.major, .rows, .deletedRows, [file])
            }
        } else {
            for file in files where file.deletedRows >= file.rows { add(.minor, .rows, .deletedRows, [file]) }
        }
        let fragments = files.filter { $0.bytes <= settings.fragmentBytes }
        if isMinorDue(fragments.count + partition.equalityDeletes, picture, request) {
            for group in groups(fragments, picture) {
                // What is rewritten for its deletes is merged on the way.
                for bin in bins(group) where isWorthMerging(bin, picture) {
                    let ids = Set(bin.map(\.id))
                    steps.removeAll { $0.files.count == 1 && ids.contains($0.files[0]) }
                    add(.minor, .rows, .fragments, bin)
                }
            }
        }
        if allowsMajor {
            for group in groups(files.filter { $0.bytes <= settings.leastBytes && !taken.contains($0.id) }, picture)
            where isMajorDue(group) {
                for bin in bins(group) where isWorthMerging(bin, picture) { add(.major, .rows, .undersized, bin) }
            }
        }
        add(.minor, .deletes, .looseDeletes, files.filter { $0.hasLooseDeletes && !taken.contains($0.id) })
        return steps
    }

    private static func step(
        _ kind: OptimizingKind,
        _ work: OptimizingPlan.Step.Work,
        _ reason: OptimizingPlan.Reason,
        _ path: String,
        _ files: [TablePicture.File]
    ) -> OptimizingPlan.Step {
        OptimizingPlan.Step(
            kind: kind,
            work: work,
            reason: reason,
            partition: path,
            files: files.map(\.id),
            bytes: files.reduce(0) { $0.addingClamped($1.bytes) },
            rows: files.reduce(0) { $0.addingClamped($1.rows) },
            deletedRows: files.reduce(0) { $0.addingClamped($1.deletedRows) }
        )
    }

    /// Whether so many rows of a file are deleted that reading them costs more than writing the others again.
    private func isWorn(_ file: TablePicture.File) -> Bool {
        guard file.deletedRows > 0 || file.rows == 0 else { return false }
        return file.deletedRows >= file.rows || Double(file.deletedRows) > Double(file.rows) * settings.deletedRatio
    }

    /// - Parameter count: fragments and equality-delete files of a partition.
    private func isMinorDue(_ count: Int, _ picture: TablePicture, _ request: Request) -> Bool {
        let least = picture.isKeyed ? picture.buckets : 1
        switch request {
        case .kind: return count > least || count > 1 && picture.isKeyed
        case .due(let sinceMinor, _):
            if count >= (picture.isKeyed ? max(picture.buckets + 1, settings.minorFiles) : settings.minorFiles) {
                return true
            }
            let hasPassed = settings.minorInterval >= 0 && sinceMinor.map { $0 > settings.minorInterval } ?? false
            return count > least && hasPassed
        }
    }

    private func isMajorDue(_ files: [TablePicture.File]) -> Bool {
        let sizes = files.map(\.bytes).sorted()
        let total = sizes.reduce(Int64(0)) { $0.addingClamped($1) }
        return sizes.count > 1 && total >= settings.targetBytes
            && sizes[0].addingClamped(sizes[1]) <= settings.targetBytes
    }

    /// Whether merging some files makes fewer of them, or puts keys into the nodes that they belong to.
    private func isWorthMerging(_ files: [TablePicture.File], _ picture: TablePicture) -> Bool {
        guard files.count > 1 else { return false }
        let nodes = Set(files.map { picture.isKeyed ? $0.node.index & (picture.buckets - 1) : 0 })
        return nodes.count < files.count || files.contains(where: picture.isMisplaced)
    }

    // MARK: Full

    /// - Parameter all: whether files that are as they should be are rewritten as well.
    private func full(
        _ partition: TablePicture.Partition,
        _ picture: TablePicture,
        all: Bool
    ) -> [OptimizingPlan.Step] {
        var steps: [OptimizingPlan.Step] = []
        let chosen = partition.files.filter { file in
            all || file.hasDeletes || file.rows == 0 || file.bytes <= settings.leastBytes || picture.isMisplaced(file)
        }
        for group in groups(chosen, picture) {
            for bin in bins(group) {
                let isWanted =
                    all || isWorthMerging(bin, picture)
                    || bin.contains { $0.hasDeletes || $0.rows == 0 || picture.isMisplaced($0) }
                if isWanted { steps.append(Self.step(.full, .rows, .requested, partition.path, bin)) }
            }
        }
        return steps
    }

    // MARK: Groups

    /// Files whose keys may be in the same new file: those below one node, from the uppermost that any of them has (spec
    /// section 10.4, tree splitting). All of a table without key.
    func groups(_ files: [TablePicture.File], _ picture: TablePicture) -> [[TablePicture.File]] {
        if files.isEmpty { return [] }
        guard picture.isKeyed else { return [files] }
        let nodes = Set(files.map(\.node))
        var groups: [TreeNode: [TablePicture.File]] = [:]
        for file in files {
            var top = file.node
            var next = file.node.parent
            while let node = next {
                if nodes.contains(node) { top = node }
                next = node.parent
            }
            // Files of nodes below those of new files are merged into one.
            while top.mask >= picture.buckets, let parent = top.parent { top = parent }
            groups[top, default: []].append(file)
        }
        // A node above has taken the place of some below it.
        let tops = groups.keys.sorted { ($0.mask, $0.index) < ($1.mask, $1.index) }
        var merged: [TreeNode: [TablePicture.File]] = [:]
        for node in tops {
            let upper = tops.first { node != $0 && node.isDescendantOrSelf(of: $0) }
            merged[upper ?? node, default: []] += groups[node] ?? []
        }
        return merged.sorted { $0.key.id < $1.key.id }.map { $0.value.sorted { $0.id < $1.id } }
    }

    /// Files packed into tasks, first fit from the largest on. Two tasks of one group never fit into one.
    private func bins(_ files: [TablePicture.File]) -> [[TablePicture.File]] {
        let limit = max(settings.targetBytes, settings.taskBytes)
        var bins: [(bytes: Int64, files: [TablePicture.File])] = []
        for file in files.sorted(by: { ($1.bytes, $0.id) < ($0.bytes, $1.id) }) {
            let index = bins.firstIndex { $0.bytes.addingClamped(file.bytes) <= limit }
            if let index {
                bins[index].bytes += file.bytes
                bins[index].files.append(file)
            } else {
                bins.append((file.bytes, [file]))
            }
        }
        return bins.map { $0.files.sorted { $0.id < $1.id } }
    }
}
