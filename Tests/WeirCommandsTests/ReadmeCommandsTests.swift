import Foundation
import Testing
import WeirTesting

/// Runs the README's commands word for word, in order, and again.
@Suite(.serialized, .mostlyWaits, .hangGuard) struct ReadmeCommandsTests {
    @Test func `the README's commands run from top to bottom, and once more`() throws {
        try withTemporaryFolder { folder in
            let checkout = try Self.checkout(folder)
            let topology = try #require(Documentation.readme.blocks("yaml").first)
            let home = folder + "/home"
            let project = home + "/weir-first"
            try FileManager.default.createDirectory(atPath: project, withIntermediateDirectories: true)
            try topology.write(toFile: project + "/shop.yaml", atomically: true, encoding: .utf8)
            let blocks = Documentation.readme.blocks("sh", before: "Development")
            #expect(blocks.count == 4)
            var outputs: [String] = []
            for round in 1...2 {
                let (status, output) = try Self.shell("set -eu\n" + blocks.joined(), in: checkout, home: home)
                #expect(status == 0, "round \(round): \(output)")
                #expect(output.contains("customer 1") && output.contains("PAID") && output.contains("Ada"), "\(output)")
                outputs.append(output)
            }
            // The rows are the same; there are only more changes.
            let rows = outputs.map { output in
                output.split(separator: "\n").filter { $0.hasPrefix("       7 ") && $0.contains("Ada") }
            }
            #expect(rows[0] == rows[1] && rows[0].count == 1, "\(rows)")
        }
    }

    @Test(.enabled(if: Peers.shouldRun, "scripts/install-test-peers has not run"))
    func `the Python of the page on other engines reads the demo's warehouse`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            #expect(try weir("demo", "--events", "2000", "--quiet").status == 0)
            let blocks = Documentation("docs/other-engines.md").blocks("python")
            #expect(blocks.count == 2)
            for block in blocks {
                let printed = try Peers.run("python_text.py", [folder], input: block)
                #expect(printed.contains("status"), "\(printed)")
            }
        }
    }

    /// A folder like a checkout after the build of `make demo`: the binary where the build puts it, and a `make` that
    /// runs it.
    private static func checkout(_ folder: String) throws -> String {
        let checkout = folder + "/weir"
        let tools = folder + "/tools"
        let products = checkout + "/.build/release"
        for path in [products, tools] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        try FileManager.default.createSymbolicLink(atPath: products + "/weir", withDestinationPath: WeirBinary.path)
        // What `make demo` does once everything is built.
        let make = "#!/bin/sh\n[ \"$*\" = demo ] && exec .build/release/weir demo --events 2000\n"
        try make.write(toFile: tools + "/make", atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: tools + "/make")
        return checkout
    }

    private static func shell(_ text: String, in folder: String, home: String) throws -> (Int32, String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", text]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        var environment = ProcessInfo.processInfo.environment
        for name in ["WEIR_WAREHOUSE", "WEIR_CATALOG", "WEIR_LOG_ROOT"] { environment[name] = nil }
        environment["HOME"] = home
        environment["PATH"] = folder + "/../tools:" + (environment["PATH"] ?? "/usr/bin:/bin")
        process.environment = environment
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }
}
