import Bytes
import IcebergTables

/// The consumers of a table, from the properties of the store that its changes are read from.
public struct Consumers: Sendable, Equatable {
    /// By name.
    public private(set) var all: [String: Consumer] = [:]
    /// Names whose entries cannot be read, sorted.
    public private(set) var damaged: [String] = []

    public init(_ properties: [String: String]) {
        for (key, text) in properties where key.hasPrefix(Consumer.propertyPrefix) {
            let name = String(key.dropFirst(Consumer.propertyPrefix.count))
            do throws(WeirError) { all[name] = try Consumer(json: text) } catch { damaged.append(name) }
        }
        damaged.sort()
    }

    public var isEmpty: Bool { all.isEmpty && damaged.isEmpty }

    /// Changes with a data sequence number above this one are needed by a consumer that is not silent for longer than its
    /// TTL: their files must stay. Nil when none needs any. A damaged entry needs everything until it is dropped.
    public func oldestNeeded(nowMilliseconds now: Int64) -> Int64? {
        if !damaged.isEmpty { return 0 }
        return all.values.filter { $0.isLive(nowMilliseconds: now) }.map(\.pin.neededAbove).min()
    }
}

extension MixedTable {
    /// The named readers of the table's changes.
    public var consumers: Consumers { Consumers(ingestStore.properties) }
}
