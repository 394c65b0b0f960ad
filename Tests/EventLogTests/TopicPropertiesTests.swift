import Bytes
import EventLog
import Testing
import WeirTesting

@Suite struct TopicPropertiesTests {
    @Test func `a topic's own retention removes its old segments`() throws {
        try withTemporaryFolder { folder in
            let log = try FileLog(root: folder + "/log")
            try log.createTopic("short", properties: ["retention.bytes": "20000", "segment.bytes": "10000"])
            try log.createTopic("long", properties: ["segment.bytes": "10000"])
            for topic in ["short", "long"] {
                // Opened again each time, so that the settings are read from the topic's file.
                for _ in 0..<3 {
                    let writer = FileLogWriter(try FileLog(root: folder + "/log"))
                    for _ in 0..<20 { _ = try writer.append(topic: topic, partition: 0, records: try Self.batch()) }
                    writer.close()
                }
            }
            #expect(try log.offsets(topic: "long", partition: 0).earliest == 0)
            #expect(try log.offsets(topic: "short", partition: 0).earliest > 0)
            #expect(try log.offsets(topic: "short", partition: 0).end == log.offsets(topic: "long", partition: 0).end)
            #expect(try log.properties(of: "short").values["retention.bytes"] == 20000)
        }
    }

    @Test(arguments: [
        (["retention.hours": "3"], "topics have no setting 'retention.hours'"),
        (["retention.ms": "soon"], "retention.ms is 'soon'"),
        (["segment.bytes": "-1"], "segment.bytes is '-1'"),
        (["segment.bytes": "10"], "a segment cannot have 10 bytes"),
    ])
    func `refuses settings that make no sense`(properties: [String: String], message: String) throws {
        try withTemporaryFolder { folder in
            let log = try FileLog(root: folder + "/log")
            #expect {
                try log.createTopic("topic", properties: properties)
            } throws: { ($0 as? WeirError)?.message == message }
            #expect(try log.topics().isEmpty)
        }
    }

    private static func batch() throws -> EncodedRecordBatch {
        var builder = RecordBatchBuilder()
        let value = [UInt8](repeating: 7, count: 1000)
        try value.withUnsafeBytes { try builder.append(key: nil, value: $0, timestamp: 1) }
        return try builder.finish()
    }
}
