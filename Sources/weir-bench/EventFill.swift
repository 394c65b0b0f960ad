import Bytes
import EventLog
import Foundation
import ObjectStorage
import WeirCommands

/// The events that ingestion is measured with: the shop's orders, half of them new, half changed, about 530 bytes each.
enum EventFill {
    static let topic = ShopStream.Table.orders.topic

    /// Writes the stream into a file log and returns its bytes.
    @discardableResult
    static func fill(_ root: String, events: Int) throws -> Int {
        let log = try FileLog(root: root)
        for table in ShopStream.Table.allCases { try log.createTopic(table.topic) }
        let writer = FileLogWriter(log)
        defer { writer.close() }
        let customers = 1000
        var stream = ShopStream(
            customers: customers,
            events: events + customers,
            mix: ShopStream.Mix(newOrders: 500, changedOrders: 500, deletedOrders: 0)
        )
        return try stream.append(to: writer)
    }

    /// The orders' events as JSON lines, each with its place in the stream in front as `seq`.
    static func dump(_ root: String, to path: String) throws {
        let reader = try FileLog(root: root).reader(topic: topic, partition: 0, from: 0)
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let file = FileHandle(forWritingAtPath: path)
        else { throw WeirError(.storage, "the file cannot be created", at: path) }
        defer { try? file.close() }
        var lines = GrowableBuffer(capacity: 5 << 20)
        while let batch = try reader.next(maxBytes: 4 << 20) {
            for record in batch.records {
                guard let value = batch.value(record), value.count > 1 else { continue }
                Array("{\"seq\":\(record.offset),".utf8).withUnsafeBytes { lines.append($0) }
                // Without its opening brace.
                lines.append(UnsafeRawBufferPointer(rebasing: value[1...]))
                lines.append(UInt8(ascii: "\n"))
            }
            try file.write(contentsOf: Data(UnsafeRawBufferPointer(start: lines.base, count: lines.count)))
            lines.removeAll()
        }
    }
}
