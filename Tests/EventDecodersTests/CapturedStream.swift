import Bytes
import Columnar
import EventLog
import Foundation
import Testing

@testable import EventDecoders

/// Output of Debezium 3.6 for PostgreSQL tables under load, and the final contents of the tables.
enum CapturedStream {
    static let customers = Schema([
        "id": .long, "name": .string, "country": .string, "tier": .string,
        "balance": .decimal(precision: 14, scale: 2), "born": .date, "joined": .timestamptz, "tags": .string,
        "photo": .binary, "active": .boolean, "score": .float, "rating": .double, "visits": .int, "token": .uuid,
    ])
    static let orders = Schema([
        "order_id": .long, "customer_id": .long, "status": .string, "amount": .decimal(precision: 12, scale: 2),
        "note": .string, "placed": .timestamp, "updated": .timestamptz, "items": .int, "wait": .long, "at_time": .time,
    ])

    struct Line: Decodable {
        let topic: String
        let key: String?
        let value: String?
    }

    static func fixture(_ name: String) throws -> [UInt8] {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Fixtures"))
        return try Array(Data(contentsOf: url))
    }

    /// The events by topic, in order.
    static func events(_ name: String) throws -> [String: [Event]] {
        let packed = try fixture(name)
        // A gzip member: ten bytes of header, the file's name when flag 8 says so, deflated data, eight bytes of trailer.
        var start = 10
        if packed[3] & 8 != 0 { start = try #require(packed[10...].firstIndex(of: 0)) + 1 }
        let text = try Deflate.decompress(Array(packed[start..<(packed.count - 8)]))
        var events: [String: [Event]] = [:]
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let record = try JSONDecoder().decode(Line.self, from: Data(line))
            events[record.topic, default: []].append(Event(record.value, key: record.key))
        }
        return events
    }

    static func target(_ source: SourceTable) -> TableTarget? {
        switch source.identifier {
        case "postgres.public.customers": TableTarget(index: 0, schema: customers, primaryKey: ["id"])
        case "postgres.public.orders": TableTarget(index: 1, schema: orders, primaryKey: ["order_id"])
        default: nil
        }
    }
}
