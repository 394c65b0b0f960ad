import Foundation

/// Shared code of the cases: clocks, memory, a folder, and printing of results.
enum Benchmark {
    static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let start = DispatchTime.now().uptimeNanoseconds
        try body()
        return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    }

    /// Wall-clock and CPU time of a body, for all threads of this process.
    static func cost(_ body: () throws -> Void) rethrows -> Cost {
        let before = cpuSeconds()
        let wall = try seconds(body)
        return Cost(wall: wall, cpu: cpuSeconds() - before)
    }

    struct Cost {
        let wall: Double
        let cpu: Double

        var text: String { "\(shown(wall)) s, cpu \(shown(cpu)) s" }
    }

    /// Measures several runs and returns the cost of the run with the median wall-clock time.
    static func medianCost(of runs: Int, _ body: () throws -> Void) rethrows -> Cost {
        var costs: [Cost] = []
        for _ in 0..<runs { costs.append(try cost(body)) }
        return median(costs)
    }

    static func medianWall(_ costs: [Cost]) -> Double { percentile(costs.map(\.wall), 0.5) }
    static func medianCPU(_ costs: [Cost]) -> Double { percentile(costs.map(\.cpu), 0.5) }

    static func median(_ costs: [Cost]) -> Cost { costs.sorted { $0.wall < $1.wall }[costs.count / 2] }

    /// CPU time of this process so far, for all threads.
    static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// The peak memory of this process so far. Not from `getrusage`, whose value a child process inherits from its
    /// parent.
    static func peakMegabytes() -> Int { megabytes("VmHWM", of: "self") ?? 0 }

    /// A value of `/proc/<process>/status` in MiB; nil if it is missing.
    static func megabytes(_ name: String, of process: String) -> Int? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
        return line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }
            .map { $0 / 1024 }
    }

    /// Creates a folder, on a real disk if one is known: a temporary folder may be in memory, where a sync costs
    /// nothing.
    static func folder(_ name: String) -> String {
        let files = FileManager.default
        let build = files.currentDirectoryPath + "/.build"
        let root =
            ProcessInfo.processInfo.environment["WEIR_BENCH_DIR"]
            ?? (files.fileExists(atPath: build) ? build : files.temporaryDirectory.path)
        let path = "\(root)/weir-bench-\(name)-\(ProcessInfo.processInfo.processIdentifier)"
        try? files.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    static func remove(_ folder: String) { try? FileManager.default.removeItem(atPath: folder) }

    // MARK: Printing

    static func shown(_ value: Double) -> String {
        value >= 100 ? String(Int(value)) : String(format: value >= 10 ? "%.1f" : "%.3f", value)
    }

    static func milliseconds(_ seconds: Double) -> String {
        String(format: seconds < 0.1 ? "%.2f ms" : "%.0f ms", seconds * 1000)
    }

    static func magnitude(_ rate: Double) -> String {
        rate >= 1e6 ? String(format: "%.2f M", rate / 1e6) : String(format: "%.0f k", rate / 1e3)
    }

    /// The percentile of the values for a part from 0 to 1; zero without values.
    static func percentile(_ values: [Double], _ part: Double) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
    }

    /// Prints a rate; higher is better.
    static func line(_ name: String, rate: Double, unit: String, target: Double? = nil, detail: String) {
        let goal = target.map { Goal(text: "≥ \(magnitude($0))", isMet: rate >= $0) }
        line(name, "\(magnitude(rate)) \(unit)", goal: goal, detail: detail)
    }

    /// The goal of a measured value.
    struct Goal {
        let text: String
        let isMet: Bool
    }

    static func line(_ name: String, _ figure: String, goal: Goal? = nil, detail: String = "") {
        let padded = name.padding(toLength: max(name.count, 52), withPad: " ", startingAt: 0)
        let verdict = goal.map { "  [\($0.text): \($0.isMet ? "met" : "MISSED")]" } ?? ""
        write("\(padded) \(figure)\(verdict)\(detail.isEmpty ? "" : "  (\(detail))")\n")
    }

    static func skip(_ name: String, _ reason: String) { line(name, "skipped: \(reason)") }

    static func write(_ text: String) {
        // Unbuffered: a long run shows each line as it is measured.
        FileHandle.standardOutput.write(Data(text.utf8))
    }
}
