import Foundation

/// The cases; the raw value is the name on the command line.
enum BenchmarkCase: String, CaseIterable {
    case decode
    case log
    case ingest
    case ingestPartitioned = "ingest-partitioned"
    case ingest10m = "ingest-10m"
    case kafka
    case scan
    case join
    case follow
    case followKafka = "follow-kafka"
    case start
    case restart
    case commits
    case catalog
    case materialize
    case optimize
    case keyIndex = "key-index"
    case baseIndex = "base-index"
    case lookup
    case day

    /// The ten-million case writes more than five gigabytes, and the day takes a quarter of an hour and more: they are
    /// only run when named.
    var isDefault: Bool { self != .ingest10m && self != .day }

    /// The first argument of a child process that runs one case and exits.
    static let childMarker = "--in-process"

    private func run() throws {
        switch self {
        case .decode: runDecodeBenchmarks()
        case .log: try runLogBenchmarks()
        case .ingest: try IngestBenchmarks.run()
        case .ingestPartitioned: try IngestBenchmarks.runPartitioned()
        case .ingest10m: try IngestBenchmarks.runTenMillion()
        case .kafka: try KafkaBenchmarks.run()
        case .scan: try ScanBenchmarks.run()
        case .join: try JoinBenchmarks.run()
        case .follow: try FollowBenchmarks.run()
        case .followKafka: try KafkaFollowBenchmark.run()
        case .start: try StartBenchmarks.run()
        case .restart: try RestartBenchmark.run()
        case .commits: try CommitBenchmarks.run()
        case .catalog: try CatalogBenchmark.run()
        case .materialize: try MaterializeBenchmarks.run()
        case .optimize: try OptimizeBenchmarks.run()
        case .keyIndex: try KeyIndexBenchmarks.run()
        case .baseIndex: try BaseIndexBenchmark.run()
        case .lookup: try LookupBenchmark.run()
        case .day: try DayBenchmark.run()
        }
    }

    /// Runs in a child process: a case, or the filling of a log, whose memory must not count for the case.
    static func runChild(_ arguments: [String]) -> Int32 {
        do {
            if arguments.count == 3, arguments[0] == "fill", let events = Int(arguments[2]) {
                try EventFill.fill(arguments[1], events: events)
            } else if arguments.count == 1, let benchmark = BenchmarkCase(rawValue: arguments[0]) {
                try benchmark.run()
            } else {
                return 2
            }
            return 0
        } catch {
            Benchmark.write("\(arguments.first ?? "benchmark") failed: \(error)\n")
            return 1
        }
    }

    static func describeMachine() {
        var loads = [Double](repeating: 0, count: 3)
        getloadavg(&loads, 3)
        Benchmark.write(
            "\(ProcessInfo.processInfo.activeProcessorCount) processors, load average \(String(format: "%.1f", loads[0]))\n"
        )
    }
}
