import Foundation
import Testing
import WeirTesting

/// A table of many partitions in a process with a low limit of open files.
@Suite(.hangGuard) struct DescriptorLimitTests {
    private static let partitions = 150

    private static let topology = """
        name: people
        source: { name: people, type: file-log, topics: [people], format: debezium-json }
        tables:
          - name: shop.people
            columns: { id: long, name: string }
            primary-key: [id, name]
            partition-by: [name]
        route: [{ source-table: shop.public.people, sink-table: shop.people }]
        sink: { type: mixed-iceberg }
        """

    /// Runs a command with a lower limit of open files.
    private static func limited(_ weir: WeirBinary, _ files: Int, _ arguments: String) throws -> (Int32, String, String)
    {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "ulimit -n \(files) && exec '\(WeirBinary.path)' \(arguments) >out 2>err"]
        process.currentDirectoryURL = URL(fileURLWithPath: weir.folder)
        try process.run()
        process.waitUntilExit()
        let texts = try ["out", "err"].map { name in
            try String(contentsOfFile: weir.folder + "/" + name, encoding: .utf8)
        }
        return (process.terminationStatus, texts[0], texts[1])
    }

    @Test func `a commit of many partitions is read with few descriptors`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            try Self.topology.write(toFile: folder + "/people.yaml", atomically: true, encoding: .utf8)
            try #require(try weir("log", "create", "people").status == 0)
            let records = (0..<(Self.partitions * 2)).map { number in
                BinaryTests.record(number, "p\(number % Self.partitions)", operation: "c")
            }
            try #require(try weir("log", "append", "people", input: records.joined()).status == 0)
            let run = try weir("run", "people.yaml", "--until-caught-up", "--quiet")
            try #require(run.status == 0, "\(run.errors)")

            for command in [
                "read shop.people --from earliest", "read shop.people --from full", "scan shop.people -o json",
            ] {
                let (status, output, errors) = try Self.limited(weir, 128, command)
                #expect(status == 0 && output.split(separator: "\n").count == records.count, "\(command): \(errors)")
            }
            let (status, _, errors) = try Self.limited(weir, 128, "optimize shop.people --full --quiet")
            #expect(status == 0, "\(errors)")
            let (_, count, _) = try Self.limited(weir, 128, "scan shop.people --count -o json")
            #expect(count == "{\"count\":\(records.count)}\n")
        }
    }
}
