import Foundation
import Testing
import WeirTesting

/// Runs the examples of the manual's commands as written.
@Suite(.hangGuard) struct ManualExampleTests {
    /// Every page starts with the files of `docs/examples`, with their records in the log and in tables.
    private static let setup = """
        weir log create shop.public.orders
        weir log create shop.public.customers
        weir log append shop.public.orders orders.ndjson
        weir log append shop.public.customers customers.ndjson
        weir run topology.yaml --until-caught-up
        weir optimize shop.orders --full
        """

    @Test func `examples print what the manual says`() throws {
        try withTemporaryFolder { folder in
            let files = FileManager.default
            let work = folder + "/shop"
            let saved = folder + "/saved"
            try files.copyItem(atPath: ManualPages.folder.appendingPathComponent("examples").path, toPath: work)
            for command in Self.setup.split(separator: "\n") {
                let result = try Self.shell(String(command), in: work)
                try #require(result.status == 0, "\(command): \(result.output)")
            }
            try files.copyItem(atPath: work, toPath: saved)
            var count = 0
            for page in ManualPages.all {
                let text = try ManualPages.text(page)
                var updated = text
                let fences = ManualPages.fences(text).filter { $0.info == "console" }
                if fences.isEmpty { continue }
                // Tables store absolute paths, so each page uses the same folder.
                try files.removeItem(atPath: work)
                try files.copyItem(atPath: saved, toPath: work)
                for fence in fences {
                    let written = try Self.session(fence.lines, in: work)
                    let old = fence.lines.joined(separator: "\n")
                    count += 1
                    if Self.masked(old) == Self.masked(written) { continue }
                    if ManualPages.isUpdating {
                        updated = updated.replacingOccurrences(of: old + "\n```", with: written + "\n```")
                    } else {
                        Issue.record("docs/\(page):\(fence.number) prints another text:\n\(written)")
                    }
                }
                if updated != text {
                    let path = ManualPages.folder.appendingPathComponent(page)
                    try updated.write(to: path, atomically: true, encoding: .utf8)
                }
            }
            #expect(count > 15)
        }
    }

    /// The commands of a block with their current output.
    private static func session(_ lines: [String], in folder: String) throws -> String {
        var commands: [String] = []
        var isContinued = false
        for line in lines {
            if isContinued {
                commands[commands.count - 1] += "\n" + line
            } else if line.hasPrefix("$ ") {
                commands.append(line)
            }
            isContinued = (isContinued || line.hasPrefix("$ ")) && line.hasSuffix("\\")
        }
        var written: [String] = []
        for command in commands {
            let result = try shell(String(command.dropFirst(2)), in: folder)
            written.append(command)
            let shown = result.output.replacingOccurrences(of: folder, with: "/srv/shop")
            written += shown.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                String(line.reversed().drop { $0 == " " }.reversed())
            }
            if written.last?.isEmpty == true { written.removeLast() }
        }
        return written.joined(separator: "\n")
    }

    private static func shell(_ command: String, in folder: String) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", "(\(command)\n) 2>&1"]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        let binaries = URL(fileURLWithPath: WeirBinary.path).deletingLastPathComponent().path
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("WEIR_") }
        environment["PATH"] = binaries + ":" + (environment["PATH"] ?? "/usr/bin:/bin")
        environment["NO_COLOR"] = "1"
        process.environment = environment
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// Masks what differs between runs: times, ids, durations, sizes, column widths, and the order of lines, since rows
    /// have no fixed order.
    static func masked(_ text: String) -> [String] {
        text.replacing(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)/, with: "TIME")
            .replacing(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, with: "ID")
            .replacing(/\d[\d.,]* ?[kM]?\/s/, with: "RATE")
            .replacing(/\d[\d.,]* (ms|s|seconds|min)\b/, with: "DURATION")
            .replacing(/\d[\d.,]* (B|KiB|MiB|GiB)\b/, with: "SIZE")
            .replacing(/\b\d{4,}\b/, with: "NUMBER")
            .replacing(
                /\b(read|decoded|cut|committed|in base|visible_after_ms|base_behind_ms)( +(\d+|NUMBER))+/,
                with: "STAGE"
            )
            .replacing(/-{2,}/, with: "--")
            .replacing(/[ \t]+/, with: " ")
            .split(separator: "\n").map(String.init).sorted()
    }
}
