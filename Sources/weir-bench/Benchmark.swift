import Foundation

/// What the cases share: clocks, memory, a folder, and one printed line each.
enum Benchmark {
    static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let start = DispatchTime.now().uptimeNanoseconds
        try body()
        return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    }

    /// Wall-clock and processor time of a body, all threads of this process.
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

    /// Several runs: each cost by itself, and the run whose time is the median.
    static func medianCost(of runs: Int, _ body: () throws -> Void) rethrows -> Cost {
        var costs: [Cost] = []
        for _ in 0..<runs { costs.append(try cost(body)) }
        return median(costs)
    }

    static func median(_ costs: [Cost]) -> Cost { costs.sorted { $0.wall < $1.wall }[costs.count / 2] }

    /// Processor time of this process so far, all threads.
    static func cpuSeconds() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let user = Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6
        return user + Double(usage.ru_stime.tv_sec) + Double(usage.ru_stime.tv_usec) / 1e6
    }

    /// The most memory this process held so far. Not from `getrusage`, whose figure a child takes over from its parent.
    static func peakMegabytes() -> Int { megabytes("VmHWM", of: "self") ?? 0 }

    /// A figure of `/proc/<process>/status`; nil when there is none.
    static func megabytes(_ name: String, of process: String) -> Int? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
        return line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }
            .map { $0 / 1024 }
    }

    /// A new folder on a real disk where one is known: a temporary folder may be memory, where syncing costs nothing.
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

    /// The value below which that part of the values lies; zero without values.
    static func percentile(_ values: [Double], _ part: Double) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
    }

    /// A rate that is the better the higher it is.
    static func line(_ name: String, rate: Double, unit: String, target: Double? = nil, detail: String) {
        let goal = target.map { Goal(text: "≥ \(magnitude($0))", isMet: rate >= $0) }
        line(name, "\(magnitude(rate)) \(unit)", goal: goal, detail: detail)
    }

    /// What a figure is held against.
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
