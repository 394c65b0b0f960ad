import Bytes
import IcebergFormat
import IcebergTables
import ObjectStorage
import Synchronization

/// A catalog whose swap fails in a given way.
final class UnreliableCatalog: PointerCatalog {
    enum Failure: Equatable {
        case beforeSwap, afterSwap, forGood
        /// The swap arrives when the test triggers it.
        case late
        /// One or two other commits replace it the first time.
        case overtaken, farOvertaken
        /// Two other commits follow the swap.
        case builtOn
        /// The swap happens, and so many looks find the state before it, as on a replica that is behind.
        case stale(Int)
        /// Nothing happens, and before the second swap another commit moves a table.
        case nothing(before: TableIdentifier)
        /// The swap happens, all looks find the state before it, and before the second swap another commit moves a table.
        case staleLooks(before: TableIdentifier)
    }

    private let real: any PointerCatalog
    private let failure: Failure
    private let isDark = Mutex(false)
    private let onItsWay = Mutex<[PointerSwap]>([])
    private let calls = Mutex(0)
    private let before = Mutex<(looks: Int, swaps: [PointerSwap])>((0, []))

    init(_ real: any PointerCatalog, fails failure: Failure) {
        self.real = real
        self.failure = failure
    }

    var warehouse: String { real.warehouse }
    var storage: any ObjectStorage { real.storage }
    func namespaces() throws(WeirError) -> [[String]] { try real.namespaces() }
    func createNamespace(_ namespace: [String], ifNotExists: Bool) throws(WeirError) {
        try real.createNamespace(namespace, ifNotExists: ifNotExists)
    }
    func dropNamespace(_ namespace: [String]) throws(WeirError) { try real.dropNamespace(namespace) }
    func tables(in namespace: [String]) throws(WeirError) -> [TableIdentifier] { try real.tables(in: namespace) }
    func metadataLocation(of id: TableIdentifier) throws(WeirError) -> String {
        if isDark.withLock({ $0 }) { throw WeirError(.storage, "no answer") }
        let old = before.withLock { before -> String? in
            guard before.looks > 0, let swap = before.swaps.first(where: { $0.identifier == id }) else { return nil }
            before.looks -= 1
            return swap.old
        }
        if let old { return old }
        return try real.metadataLocation(of: id)
    }
    func register(_ id: TableIdentifier, metadataLocation: String) throws(WeirError) {
        try real.register(id, metadataLocation: metadataLocation)
    }
    func unregister(_ id: TableIdentifier, at metadataLocation: String?) throws(WeirError) {
        try real.unregister(id, at: metadataLocation)
    }
    func settle() throws(WeirError) -> Bool {
        switch failure {
        case .stale, .nothing, .staleLooks: true
        default: false
        }
    }
    func swap(_ swaps: [PointerSwap]) throws(WeirError) -> [TableIdentifier] {
        let isFirst = calls.withLock { calls in
            calls += 1
            return calls == 1
        }
        switch failure {
        case .beforeSwap: break
        case .nothing(let id):
            if isFirst { break }
            if calls.withLock({ $0 }) == 2 { try other("other", id) }
            return try real.swap(swaps)
        case .staleLooks(let id):
            if isFirst {
                _ = try real.swap(swaps)
                before.withLock { $0 = (.max, swaps) }
                break
            }
            if calls.withLock({ $0 }) == 2 { try other("other", id) }
            return try real.swap(swaps)
        case .late: onItsWay.withLock { $0 = swaps }
        case .overtaken, .farOvertaken:
            guard isFirst else { return try real.swap(swaps) }
            try other("other", swaps)
            if failure == .farOvertaken { try other("another", swaps) }
        case .afterSwap: _ = try real.swap(swaps)
        case .builtOn:
            _ = try real.swap(swaps)
            try other("other", swaps)
            try other("another", swaps)
        case .stale(let looks):
            guard isFirst else { return try real.swap(swaps) }
            _ = try real.swap(swaps)
            before.withLock { $0 = (looks, swaps) }
        case .forGood:
            _ = try real.swap(swaps)
            isDark.withLock { $0 = true }
        }
        throw WeirError(.storage, "no answer")
    }

    /// Another writer's commit to the last of the tables.
    private func other(_ name: String, _ swaps: [PointerSwap]) throws(WeirError) {
        if let id = swaps.last?.identifier { try other(name, id) }
    }

    private func other(_ name: String, _ id: TableIdentifier) throws(WeirError) {
        var transaction = Transaction(try real.load(id))
        transaction.append([dataFile(name)])
        _ = try transaction.commit()
    }

    /// Returns the tables that the late swap finds changed.
    func arrive() throws -> [TableIdentifier] { try real.swap(onItsWay.withLock { $0 }) }
}
