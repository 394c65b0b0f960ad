import Foundation

/// The checks of `weir doctor` for the machine it runs on.
enum MachineChecks {
    static func all() -> [HealthCheck] { [version(), libraries(), openFiles(), clock()] }

    static func version() -> HealthCheck {
        var system = utsname()
        uname(&system)
        let kernel = withUnsafeBytes(of: system.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let machine = withUnsafeBytes(of: system.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let processors = ProcessInfo.processInfo.activeProcessorCount
        let memory = HumanText.bytes(Int64(ProcessInfo.processInfo.physicalMemory))
        return HealthCheck(
            "weir",
            .ok,
            "version \(WeirVersion.number), kernel \(kernel) on \(machine), \(processors) processors, \(memory) memory"
        )
    }

    /// The shared libraries loaded in this process. Their file names contain the versions.
    static func libraries() -> HealthCheck {
        let wanted = [
            "libarrow", "libparquet", "libsqlite3", "libpq.", "libz.", "libzstd", "librdkafka", "libsimdjson",
        ]
        let maps = Self.memoryMap()
        var names: [String] = []
        for line in maps.split(separator: "\n") {
            guard let slash = line.firstIndex(of: "/") else { continue }
            let path = String(line[slash...])
            let name = URL(fileURLWithPath: path).resolvingSymlinksInPath().lastPathComponent
            if wanted.contains(where: { name.hasPrefix($0) }), !names.contains(name) { names.append(name) }
        }
        for required in ["libarrow", "libparquet"] where !names.contains(where: { $0.hasPrefix(required) }) {
            return HealthCheck("libraries", .warn, "\(required) is not a shared library of this process")
        }
        return HealthCheck("libraries", .ok, names.sorted().joined(separator: ", "))
    }

    /// Files in `/proc` report no size, so the file is read until its end.
    private static func memoryMap() -> String {
        guard let file = FileHandle(forReadingAtPath: "/proc/self/maps"), let bytes = try? file.readToEnd() else {
            return ""
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func openFiles() -> HealthCheck {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return HealthCheck("open files", .warn, "the limit cannot be read")
        }
        let most = limit.rlim_cur > 1 << 40 ? "unlimited" : HumanText.count(Int(limit.rlim_cur))
        let advice = "raise it with 'ulimit -n 65536', or LimitNOFILE in a systemd unit"
        if limit.rlim_cur < 256 { return HealthCheck("open files", .fail, "at most \(most)", advice: advice) }
        if limit.rlim_cur < 1024 { return HealthCheck("open files", .warn, "at most \(most)", advice: advice) }
        return HealthCheck("open files", .ok, "at most \(most)")
    }

    static func clock() -> HealthCheck {
        let now = TimeText.nowMilliseconds
        // The start of 2026, the year of this version. A clock that shows an earlier time is wrong.
        guard now > 1_767_225_600_000 else {
            return HealthCheck(
                "clock",
                .fail,
                "it is \(TimeText.text(now))",
                advice: "set the clock; commits carry its time and 'scan --as-of' relies on it"
            )
        }
        return HealthCheck("clock", .ok, "it is \(TimeText.text(now))")
    }
}
