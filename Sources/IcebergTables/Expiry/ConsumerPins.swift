import Bytes
import IcebergFormat
import Values

/// What the named readers of a table's changes still need, from the properties in which it keeps their places.
///
/// A consumer that was silent for longer than its TTL pins nothing. A damaged entry pins everything until it is dropped.
public struct ConsumerPins: Sendable, Equatable {
    public static let propertyPrefix = "weir.consumer."

    /// The part of an entry that pins.
    public struct Pin: Sendable, Equatable {
        /// Changes with a higher data sequence number are needed.
        public var neededAbove: Int64
        /// The last sign of life, in milliseconds since 1970.
        public var seenMs: Int64
        public var ttlMs: Int64

        public init(neededAbove: Int64, seenMs: Int64, ttlMs: Int64) {
            self.neededAbove = neededAbove
            self.seenMs = seenMs
            self.ttlMs = ttlMs
        }

        /// A clock that was set back lets it live on.
        public func isLive(nowMilliseconds now: Int64) -> Bool { now.subtractingClamped(seenMs) <= ttlMs }

        init(json object: JSONObject) throws(WeirError) {
            let rows = object["rows"]?.asObject
            let merged = try rows.map { (rows) throws(WeirError) in try rows.long("merged") }
            neededAbove = min(try object.long("sequence"), merged ?? .max)
            seenMs = try object.long("seen-ms")
            ttlMs = try object.long("ttl-ms")
        }
    }

    private var pins: [Pin] = []

    public init(_ properties: [String: String]) {
        for (key, text) in properties where key.hasPrefix(Self.propertyPrefix) {
            let object = (try? JSONValue.parse(text))?.asObject
            pins.append(
                object.flatMap { try? Pin(json: $0) } ?? Pin(neededAbove: 0, seenMs: .max, ttlMs: .max)
            )
        }
    }

    /// Changes with a data sequence number above this one are needed; nil when none are.
    public func oldestNeeded(nowMilliseconds now: Int64) -> Int64? {
        pins.lazy.filter { $0.isLive(nowMilliseconds: now) }.map(\.neededAbove).min()
    }

    /// Snapshots that must stay so that the changes can be read: of a table without a change store, each commit after that
    /// point that did more than append, and the one before it, which has the files it removed.
    static func snapshots(_ metadata: TableMetadata, nowMilliseconds now: Int64) -> Set<Int64> {
        let isBase = metadata.properties["mixed-format.table-store"]?.lowercased() == "base"
        // A change store is only appended to, and remembers of expired commits which removed what.
        guard isBase || metadata.properties["mixed-format.table-store"] == nil,
            ExpiredCommits.areKept(metadata.properties),
            let needed = ConsumerPins(metadata.properties).oldestNeeded(nowMilliseconds: now)
        else { return [] }
        var pinned: Set<Int64> = []
        let kept = Set(ExpiredCommits(metadata)?.kept ?? [])
        let line = metadata.mainAncestors + metadata.snapshots.filter { kept.contains($0.id) }
        for snapshot in line
        where snapshot.sequenceNumber > needed && snapshot.operation != SnapshotOperation.append.rawValue {
            pinned.insert(snapshot.id)
            if let parent = snapshot.parentId { pinned.insert(parent) }
        }
        return pinned
    }
}
