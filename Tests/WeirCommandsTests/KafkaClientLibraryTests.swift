import Foundation
import Testing
import WeirTesting

/// The binary with other versions of librdkafka than the one it was built with.
@Suite(.mostlyWaits, .hangGuard, .enabled(if: KafkaClientLibrary.isAvailable, "confluent-kafka is not installed"))
struct KafkaClientLibraryTests {
    @Test func `the tests of topics and groups pass with a newer librdkafka`() throws {
        try withTemporaryFolder { folder in
            try KafkaClientLibrary.link(in: folder + "/lib")
            let process = Process()
            process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
            // A mock broker of librdkafka 2.16 crashes when it answers a fetch of a partition without a leader
            // (rd_kafka_mock_Fetch_reply_tags_partition_write).
            process.arguments = ["--testing-library", "swift-testing", "--filter", "KafkaLogTests"]
            process.arguments? += ["--skip", "KafkaAwayPartitionTests.*without.a.leader"]
            var environment = ProcessInfo.processInfo.environment
            let others = environment["LD_LIBRARY_PATH"].map { ":" + $0 } ?? ""
            environment["LD_LIBRARY_PATH"] = folder + "/lib" + others
            environment["WEIR_KAFKA_BROKERS"] = nil
            process.environment = environment
            let output = Pipe()
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            let problems = text.split(separator: "\n").filter { $0.contains("recorded an issue") }
            #expect(process.terminationStatus == 0, "\(problems.joined(separator: "\n"))")
            #expect(text.contains("KafkaReadingTests passed") && text.contains("KafkaGroupTests passed"), "\(text)")
        }
    }
}
