import Columnar
import Testing
import WeirTesting

@testable import Optimizing

@Suite struct StrategyTests {
    static let megabyte: Int64 = 1 << 20

    /// A random partition of files of all sizes, with all kinds of deletes.
    static func partition(_ random: inout SeededGenerator, _ path: String, buckets: Int?) -> TablePicture.Partition {
        let equality = random.next() % 4 == 0 && buckets == nil ? Int(random.next() % 3) : 0
        let files = (0..<Int(random.next() % 40)).map { id in
            let bytes = Int64(random.next() % [64 << 10, 20 << 20, 100 << 20, 160 << 20][Int(random.next() % 4)]) + 1
            let rows = Int64(random.next() % 100_000)
            let positions = Int([0, 0, 0, 1, 1, 2, 5][Int(random.next() % 7)])
            let share = [0, 0.01, 0.2, 1][Int(random.next() % 4)]
            let mask = [0, 1, 3, 3, 3, 7][Int(random.next() % 6)]
            return TablePicture.File(
                id: id,
                bytes: bytes,
                rows: rows,
                deletedRows: positions == 0 ? 0 : Int64(Double(rows) * share),
                node: buckets == nil ? .root : TreeNode(mask: mask, index: Int(random.next() % UInt64(mask + 1))),
                positionDeletes: positions,
                ownDeletes: random.next() % 3 == 0 ? positions / 2 : positions,
                equalityDeletes: equality
            )
        }
        return TablePicture.Partition(path: path, files: files, equalityDeletes: equality)
    }

    /// The table after a plan was carried out, if files keep the bytes of their live rows.
    static func apply(_ plan: OptimizingPlan, to picture: TablePicture, _ settings: OptimizingSettings) -> TablePicture
    {
        var picture = picture
        for index in picture.partitions.indices {
            var partition = picture.partitions[index]
            var next = (partition.files.map(\.id).max() ?? 0) + 1
            for step in plan.steps where step.partition == partition.path {
                let chosen = partition.files.filter { step.files.contains($0.id) }
                if step.work == .deletes {
                    for position in partition.files.indices where step.files.contains(partition.files[position].id) {
                        partition.files[position].positionDeletes = 1
                        partition.files[position].ownDeletes = 1
                        partition.files[position].equalityDeletes = 0
                    }
                    continue
                }
                partition.files.removeAll { step.files.contains($0.id) }
                var nodes: [TreeNode: (bytes: Int64, rows: Int64)] = [:]
                for file in chosen {
                    let live = file.rows - file.deletedRows
                    guard live > 0 else { continue }
                    let bytes = max(1, Int64(Double(file.bytes) * Double(live) / Double(file.rows)))
                    let targets =
                        picture.isKeyed
                        ? TreeNode.nodes(buckets: picture.buckets).filter { $0.overlaps(file.node) } : [.root]
                    for node in targets {
                        nodes[node, default: (0, 0)].bytes += max(1, bytes / Int64(targets.count))
                        nodes[node, default: (0, 0)].rows += max(1, live / Int64(targets.count))
                    }
                }
                for (node, sum) in nodes {
                    let count = Int64(max(1, (Double(sum.bytes) / Double(settings.targetBytes)).rounded()))
                    for _ in 0..<count {
                        partition.files.append(
                            TablePicture.File(id: next, bytes: sum.bytes / count, rows: sum.rows / count, node: node)
                        )
                        next += 1
                    }
                }
            }
            if plan.steps.contains(where: { $0.partition == partition.path }) {
                if !partition.files.contains(where: { $0.equalityDeletes > 0 }) { partition.equalityDeletes = 0 }
            }
            picture.partitions[index] = partition
        }
        return picture
    }

    @Test(arguments: SeededGenerator.seeds(exactly: 60 * Soak.factor))
    func `after its plan was carried out a strategy has nothing to do`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let isKeyed = random.next() % 2 == 0
        var picture = TablePicture(
            partitions: (0..<Int(1 + random.next() % 3)).map {
                Self.partition(&random, "part=\($0)", buckets: isKeyed ? 4 : nil)
            },
            isKeyed: isKeyed,
            buckets: isKeyed ? 4 : 1
        )
        let settings = OptimizingSettings()
        let requests: [OptimizingStrategy.Request] = [
            .due(sinceMinor: 0, sinceFull: 0), .due(sinceMinor: .max, sinceFull: 0), .kind(.minor), .kind(.major),
            .kind(.full),
        ]
        for request in requests {
            let before = picture
            let plan = OptimizingStrategy(settings, bytesMax: .max).plan(picture, request)
            for step in plan.steps {
                #expect(!step.files.isEmpty && Set(step.files).count == step.files.count, "seed \(seed)")
            }
            for partition in picture.partitions {
                let all = plan.steps.filter { $0.partition == partition.path }.flatMap(\.files)
                #expect(Set(all).count == all.count, "a file is in two steps, seed \(seed), \(request)")
            }
            picture = Self.apply(plan, to: picture, settings)
            var rounds = 0
            while rounds < 8, !OptimizingStrategy(settings, bytesMax: .max).plan(picture, request).isEmpty {
                // Deleted rows make files smaller than their sizes had said, which may make room for another one.
                let again = OptimizingStrategy(settings, bytesMax: .max).plan(picture, request)
                let files = picture.partitions.reduce(0) { $0 + $1.files.count }
                picture = Self.apply(again, to: picture, settings)
                #expect(
                    picture.partitions.reduce(0) { $0 + $1.files.count } < files,
                    "seed \(seed), \(request): \(again)"
                )
                rounds += 1
            }
            let hadDeletes = before.partitions.contains { $0.files.contains { $0.deletedRows > 0 || $0.rows == 0 } }
            #expect(rounds == 0 || hadDeletes || isKeyed, "seed \(seed), \(request): \(rounds) further rounds")
            #expect(rounds < 8, "seed \(seed), \(request) does not end")
        }
    }

    @Test func `cheap steps come first, and the reason of each is told`() {
        let files =
            [
                TablePicture.File(id: 0, bytes: 120 * Self.megabyte, rows: 1000, deletedRows: 10, positionDeletes: 3),
                TablePicture.File(id: 1, bytes: 120 * Self.megabyte, rows: 1000, deletedRows: 300, positionDeletes: 1),
                TablePicture.File(id: 2, bytes: 120 * Self.megabyte, rows: 1000, deletedRows: 900, positionDeletes: 1),
                TablePicture.File(id: 3, bytes: 120 * Self.megabyte, rows: 1000, deletedRows: 100, positionDeletes: 1),
            ] + (4..<16).map { TablePicture.File(id: $0, bytes: Self.megabyte, rows: 10) }
        let picture = TablePicture(partitions: [TablePicture.Partition(files: files)], isKeyed: false)
        let plan = OptimizingStrategy(OptimizingSettings()).plan(picture, .due(sinceMinor: 0, sinceFull: nil))
        #expect(plan.steps.map(\.reason) == [.looseDeletes, .deletedRows, .deletedRows, .fragments])
        #expect(plan.steps.map(\.files) == [[0], [2], [1], Array(4..<16)])
        #expect(plan.kind == .major)
        // A tenth of deleted rows is not above a tenth.
        #expect(!plan.steps.contains { $0.files.contains(3) })
        let minor = OptimizingStrategy(OptimizingSettings()).plan(picture, .kind(.minor))
        #expect(minor.steps.map(\.reason) == [.looseDeletes, .fragments] && minor.kind == .minor)
    }

    @Test func `eleven fragments wait for their interval, twelve do not`() {
        func plan(_ count: Int, sinceMinor: Int64?, _ settings: OptimizingSettings = OptimizingSettings())
            -> OptimizingPlan
        {
            let files = (0..<count).map { TablePicture.File(id: $0, bytes: Self.megabyte, rows: 10) }
            let picture = TablePicture(partitions: [TablePicture.Partition(files: files)], isKeyed: false)
            return OptimizingStrategy(settings).plan(picture, .due(sinceMinor: sinceMinor, sinceFull: nil))
        }
        #expect(plan(12, sinceMinor: 0).steps.map(\.files.count) == [12])
        #expect(plan(11, sinceMinor: 3_600_000).isEmpty)
        #expect(plan(11, sinceMinor: 3_600_001).steps.map(\.files.count) == [11])
        #expect(plan(1, sinceMinor: .max).isEmpty)
        let never = OptimizingSettings(["self-optimizing.minor.trigger.interval": "-1"])
        #expect(plan(11, sinceMinor: .max, never).isEmpty)
    }

    @Test func `files of a node and those below it are one task, others are their own`() {
        let strategy = OptimizingStrategy(OptimizingSettings())
        func groups(_ nodes: [(mask: Int, index: Int)]) -> [[Int]] {
            let files = nodes.enumerated().map {
                TablePicture.File(id: $0, bytes: 1, rows: 1, node: TreeNode(mask: $1.mask, index: $1.index))
            }
            return strategy.groups(files, TablePicture(partitions: [], isKeyed: true, buckets: 4))
                .map { $0.map(\.id) }
        }
        #expect(groups([(3, 0), (3, 1), (3, 0), (3, 3)]) == [[0, 2], [1], [3]])
        #expect(groups([(3, 0), (1, 0), (3, 2), (3, 1)]) == [[0, 1, 2], [3]])
        #expect(groups([(3, 0), (0, 0), (3, 3)]) == [[0, 1, 2]])
        // Twice the buckets of before: two nodes become one.
        #expect(groups([(7, 1), (7, 5), (7, 2)]) == [[0, 1], [2]])
    }

    @Test func `what exceeds the budget of a plan waits, except for deletes and empty files`() {
        let files = (0..<20).map { id in
            TablePicture.File(
                id: id,
                bytes: 100 * Self.megabyte,
                rows: 100,
                deletedRows: id == 19 ? 100 : 50,
                positionDeletes: 1
            )
        }
        let picture = TablePicture(partitions: [TablePicture.Partition(files: files)], isKeyed: false)
        let plan = OptimizingStrategy(OptimizingSettings(), bytesMax: 250 * Self.megabyte)
            .plan(picture, .kind(.major))
        #expect(plan.steps.count == 3 && plan.left == 17 && plan.steps.contains { $0.files == [19] })
        let all = (0..<50).map {
            TablePicture.File(id: $0, bytes: 1 << 30, rows: 9, deletedRows: 0, positionDeletes: 2)
        }
        let loose = TablePicture(partitions: [TablePicture.Partition(files: all)], isKeyed: false)
        #expect(OptimizingStrategy(OptimizingSettings(), bytesMax: 1).plan(loose, .kind(.major)).fileCount == 50)
    }

    @Test func `properties of both prefixes are read, and those without a value are named`() {
        let settings = OptimizingSettings([
            "self-optimizing.target-size": "1000", "optimize.minor.trigger.file-count": "3",
            "self-optimizing.quota": "2.0", "self-optimizing.fragment-ratio": "0", "self-optimizing.enabled": "FALSE",
        ])
        #expect(settings.targetBytes == 1000 && settings.minorFiles == 3 && !settings.isEnabled)
        #expect(settings.fragmentRatio == 8 && settings.refused == ["self-optimizing.fragment-ratio"])
        #expect(settings.threads(cores: 8) == 2)
        #expect(OptimizingSettings().threads(cores: 8) == 4 && OptimizingSettings().threads(cores: 1) == 1)
        let extreme = OptimizingSettings([
            "self-optimizing.target-size": "9223372036854775807", "self-optimizing.min-target-size-ratio": "1",
            "self-optimizing.max-task-size-bytes": "9223372036854775807", "self-optimizing.quota": "1e308",
        ])
        #expect(extreme.leastBytes > 0 && extreme.fragmentBytes > 0 && extreme.threads(cores: 4) == 4)
        #expect(OptimizingSettings().fragmentBytes == 16 << 20 && OptimizingSettings().leastBytes == 96 << 20)
    }

    @Test func `health falls with small files and deletes, by the formulas of the specification`() {
        func score(_ files: [TablePicture.File], equality: Int64 = 0) -> HealthScore {
            HealthScore(
                TablePicture(partitions: [TablePicture.Partition(files: files)], isKeyed: false),
                OptimizingSettings(),
                equalityRecords: equality
            )
        }
        #expect(score([]).total == 100)
        #expect(score([TablePicture.File(id: 0, bytes: 1, rows: 1, deletedRows: 1, positionDeletes: 1)]).total == 100)
        let good = (0..<12).map { TablePicture.File(id: $0, bytes: 128 << 20, rows: 100) }
        #expect(score(good).total == 100)
        let small = (0..<12).map { TablePicture.File(id: $0, bytes: 8 << 20, rows: 100) }
        // The average is a twelfth of 96 MiB.
        #expect(score(small).files == 4 && score(small).total == 64)
        let worn = (0..<12).map { TablePicture.File(id: $0, bytes: 96 << 20, rows: 100, deletedRows: 10) }
        #expect(score(worn).positionDeletes == 10)
        #expect(score(good, equality: 60).equalityDeletes == 20)
    }
}
