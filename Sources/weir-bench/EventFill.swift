import Bytes
import EventLog
import Foundation
import ObjectStorage
import WeirCommands

/// The events of the ingestion cases: the shop's orders, half new and half changed, about 530 bytes each.
enum EventFill {
    static let topic = ShopStream.Table.orders.topic

    /// Half of the changes are new orders, half changed orders.
    static let halfNew = ShopStream.Mix(newOrders: 500, changedOrders: 500, deletedOrders: 0)

    /// Writes the stream into a file log and returns its bytes.
    @discardableResult
    static func fill(_ root: String, events: Int, mix: ShopStream.Mix = halfNew) throws -> Int {
        let log = try FileLog(root: root)
        for table in ShopStream.Table.allCases { try log.createTopic(table.topic) }
        let writer = FileLogWriter(log)
        defer { writer.close() }
        let customers = 1000
        var stream = ShopStream(
            customers: customers,
            events: events + customers,
            mix: mix
        )
        return try stream.append(to: writer)
    }

    /// New orders with these ids, as one batch for an appender.
    static func orders(_ ids: Range<Int>, partition: Int) -> RawBatch {
        var arena = GrowableBuffer()
        var table = GrowableBuffer()
        func append(_ text: String) -> (start: Int32, count: Int32) {
            let start = arena.count
            Array(text.utf8).withUnsafeBytes { arena.append($0) }
            return (Int32(start), Int32(arena.count - start))
        }
        for id in ids {
            let key = append("{\"order_id\":\(id)}")
            let value = append(
                """
                {"before":null,"after":{"order_id":\(id),"customer_id":1,"status":"NEW","amount":"1.00",\
                "created_at":"2025-06-10T00:00:00Z","note":null},"source":{"db":"shop","schema":"public",\
                "table":"orders"},"op":"c"}
                """
            )
            table.append(
                RawBatch.Record(
                    offset: 0,
                    timestamp: -1,
                    keyStart: key.start,
                    keyCount: key.count,
                    valueStart: value.start,
                    valueCount: value.count
                )
            )
        }
        arena.append(repeating: 0, count: RawBatch.padding)
        return RawBatch(topic: topic, partition: partition, arena: arena.finish(), table: table.finish())
    }

    /// Writes the orders' events as JSON lines. The first member of each is `seq`, its position in the stream.
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
                // The value without its opening brace.
                lines.append(UnsafeRawBufferPointer(rebasing: value[1...]))
                lines.append(UInt8(ascii: "\n"))
            }
            try file.write(contentsOf: Data(UnsafeRawBufferPointer(start: lines.base, count: lines.count)))
            lines.removeAll()
        }
    }
}
