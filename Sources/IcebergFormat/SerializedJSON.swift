import Bytes
import Synchronization

/// A JSON object together with its text, which is made once.
///
/// Every commit writes all snapshots of a table again. They never change, and the states of a table share them.
struct SerializedJSON: Hashable, Sendable {
    let json: JSONObject
    private let cache = Cache()

    private final class Cache: Sendable { let text = Mutex<[UInt8]?>(nil) }

    init(_ json: JSONObject) { self.json = json }

    /// Whether both are copies of one.
    static func areOne(_ left: Self, _ right: Self) -> Bool { left.cache === right.cache }

    /// Compact JSON text in UTF-8.
    var text: [UInt8] {
        cache.text.withLock { known in
            if let known { return known }
            let text = JSONValue.object(json).serialized()
            known = text
            return text
        }
    }

    static func == (left: Self, right: Self) -> Bool { left.json == right.json }
    func hash(into hasher: inout Hasher) { hasher.combine(json) }
}
