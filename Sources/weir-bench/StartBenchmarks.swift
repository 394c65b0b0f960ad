import Bytes
import EventLog
import Foundation

/// The base cost of `weir`: its start, and the memory of a topology without records.
enum StartBenchmarks {
    private static let starts = 20

    static func run() throws {
        let weir = ChildProcess.programFolder + "/weir"
        guard FileManager.default.isExecutableFile(atPath: weir) else {
            return Benchmark.skip("cold start, idle memory", "no 'weir' beside weir-bench ('make release' builds it)")
        }
        var times: [Double] = []
        for _ in 0..<starts {
            var code: Int32 = 127
            let time = Benchmark.seconds {
                if let process = ChildProcess.start(weir, ["version"], isSilent: true) {
                    code = ChildProcess.wait(process)
                }
            }
            guard code == 0 else { throw WeirError(.invalid, "'weir version' ends with \(code)", at: weir) }
            times.append(time)
        }
        let median = Benchmark.percentile(times, 0.5)
        Benchmark.line(
            "cold start of 'weir version'",
            Benchmark.milliseconds(median),
            goal: Benchmark.Goal(text: "< 50 ms", isMet: median < 0.05),
            detail: "median of \(starts), best \(Benchmark.milliseconds(times.min() ?? 0)), "
                + "worst \(Benchmark.milliseconds(times.max() ?? 0))"
        )
        try idle(weir)
    }

    private static func idle(_ weir: String) throws {
        let folder = Benchmark.folder("idle")
        defer { Benchmark.remove(folder) }
        try FileLog(root: folder + "/log").createTopic(EventFill.topic)
        let topology = """
            name: idle
            pipeline: { commit.interval: 1s }
            source: { name: shop, type: file-log, topics: [\(EventFill.topic)], format: debezium-json }
            tables:
              - name: shop.orders
                columns: { order_id: long, customer_id: long, status: string, amount: "decimal(12,2)" }
                primary-key: [order_id]
            route: [{ source-table: shop.public.(.*), sink-table: shop.$1 }]
            sink: { type: mixed-iceberg, warehouse: "\(folder)" }
            """
        let path = folder + "/idle.yaml"
        try topology.write(toFile: path, atomically: true, encoding: .utf8)
        guard let process = ChildProcess.start(weir, ["run", path], isSilent: true) else {
            throw WeirError(.storage, "it cannot be started", at: weir)
        }
        // Long enough to create the tables and for some empty commit intervals.
        sleep(4)
        let memory = Benchmark.megabytes("VmRSS", of: String(process))
        kill(process, SIGTERM)
        let code = ChildProcess.wait(process)
        guard let memory, code == 0 else { throw WeirError(.invalid, "'weir run' ends with \(code)", at: path) }
        Benchmark.line(
            "memory of an idle 'weir run'",
            "\(memory) MB",
            goal: Benchmark.Goal(text: "< 80 MB", isMet: memory < 80)
        )
    }
}
