import Foundation

/// What the cases share: clocks, memory, a folder, and one printed line each.
enum Benchmark {
    static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let start = DispatchTime.now().uptimeNanoseconds
        try body()
        return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    }

    /// Processor time of this process so far, all threads.
    static func cpuSeconds() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let user = Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6
        return user + Double(usage.ru_stime.tv_sec) + Double(usage.ru_stime.tv_usec) / 1e6
    }

    /// The most memory this process held so far.
    static func peakMegabytes() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss / 1024
    }

    static func folder(_ name: String) -> String {
        let root = ProcessInfo.processInfo.environment["WEIR_BENCH_DIR"] ?? FileManager.default.temporaryDirectory.path
        let path = "\(root)/weir-bench-\(name)-\(ProcessInfo.processInfo.processIdentifier)"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    static func remove(_ folder: String) { try? FileManager.default.removeItem(atPath: folder) }

    static func shown(_ value: Double) -> String {
        value >= 100 ? String(Int(value)) : String(format: value >= 10 ? "%.1f" : "%.3f", value)
    }

    static func line(_ name: String, rate: Double, unit: String, detail: String) {
        let magnitude = rate >= 1e6 ? String(format: "%.2f M", rate / 1e6) : String(format: "%.0f k", rate / 1e3)
        let padded = name.padding(toLength: max(name.count, 48), withPad: " ", startingAt: 0)
        let text = "\(padded) \(magnitude) \(unit)\(detail.isEmpty ? "" : "  (\(detail))")\n"
        // Unbuffered: a long run shows each line as it is measured.
        FileHandle.standardOutput.write(Data(text.utf8))
    }
}
