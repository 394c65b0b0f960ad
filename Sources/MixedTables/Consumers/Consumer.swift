import Bytes
import IcebergFormat
import IcebergTables
import Values

/// A named reader of a table's changes whose place the table keeps.
///
/// Stored as the property `weir.consumer.<name>` of the store that changes are read from:
/// `{"sequence":7,"snapshot":4193470928113284,"skip":0,"progress-ms":1700000000000,"seen-ms":1700000000000,"ttl-ms":604800000}`.
public struct Consumer: Sendable, Equatable {
    public static let propertyPrefix = ConsumerPins.propertyPrefix
    public static let defaultTTLMilliseconds: Int64 = 7 * 86_400_000

    /// What has been delivered.
    public var place: ConsumerPlace
    /// When the place last moved, in milliseconds since 1970.
    public var progressMs: Int64
    /// The last sign of life, in milliseconds since 1970.
    public var seenMs: Int64
    /// How long it may be silent before it loses its pin.
    public var ttlMs: Int64
    /// The process that reads now; nil between two of them.
    public var session: ConsumerSession?

    public init(place: ConsumerPlace, nowMilliseconds now: Int64, ttlMs: Int64 = defaultTTLMilliseconds) {
        self.place = place
        progressMs = now
        seenMs = now
        self.ttlMs = ttlMs
    }

    /// What it keeps from expiry.
    public var pin: ConsumerPins.Pin {
        ConsumerPins.Pin(neededAbove: place.neededAbove, seenMs: seenMs, ttlMs: ttlMs)
    }

    /// Whether it was not silent for longer than its TTL.
    public func isLive(nowMilliseconds now: Int64) -> Bool { pin.isLive(nowMilliseconds: now) }

    // MARK: - Names

    public static func propertyName(_ name: String) -> String { propertyPrefix + name }

    /// The tag that keeps the snapshots of a scan of the table's rows. Every engine's expiry respects tags.
    public static func tagName(_ name: String) -> String { "weir-consumer-" + name }

    private static let nameMax = 128

    /// Fails with `invalid` for a name that cannot be used.
    public static func check(name: String) throws(WeirError) {
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
            default: false
            }
        }
        let first = name.utf8.first.map { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ".") } ?? false
        guard isPlain, first, name.utf8.count <= nameMax else {
            throw WeirError(
                .invalid,
                "'\(name)' is no name for a consumer",
                advice: "use up to \(nameMax) letters, digits, '-', '_' and '.', not beginning with '-' or '.'"
            )
        }
    }

    // MARK: - JSON

    public init(json text: String) throws(WeirError) {
        guard let object = try JSONValue.parse(text).asObject else {
            throw WeirError(.corrupt, "a consumer's entry is no object")
        }
        place = try ConsumerPlace(json: object)
        progressMs = try object.long("progress-ms")
        seenMs = try object.long("seen-ms")
        ttlMs = try object.long("ttl-ms")
        guard ttlMs > 0 else { throw WeirError(.corrupt, "a consumer's ttl-ms is not positive") }
        session = try object["session"]?.asObject.map { (object) throws(WeirError) in
            try ConsumerSession(json: object)
        }
    }

    public var json: String {
        var object = place.json
        object["progress-ms"] = .integer(progressMs)
        object["seen-ms"] = .integer(seenMs)
        object["ttl-ms"] = .integer(ttlMs)
        if let session { object["session"] = .object(session.json) }
        return JSONValue.object(object).text
    }
}
