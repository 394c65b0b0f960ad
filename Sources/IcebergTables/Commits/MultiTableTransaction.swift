import Bytes

/// Changes to several tables of one catalog that become visible together, or not at all.
///
/// If another writer commits to one of the tables first, all of them are refreshed, and the requirements and changes of
/// every transaction are applied again.
public struct MultiTableTransaction: Sendable {
    private var transactions: [Transaction] = []

    public init() {}

    /// Adds the changes of one table. A table can be added once.
    public mutating func add(_ transaction: Transaction) { transactions.append(transaction) }

    /// Makes the changes visible.
    ///
    /// Fails like `Transaction.commit`; with several tables the error's location names the one that is refused. After
    /// any error but `unknownState`, no table is changed.
    ///
    /// - Parameter onRetry: called before each attempt but the first one.
    /// - Returns: the tables as they then are, in the order they were added. One whose transaction is empty is as it
    ///   was.
    public func commit(onRetry: () -> Void = {}) throws(WeirError) -> [Table] {
        let indices = transactions.indices.filter { !transactions[$0].isEmpty }
        var tables = transactions.map(\.table)
        if indices.isEmpty { return tables }
        let committed = try TransactionCommit(indices.map { transactions[$0] }).run(onRetry: onRetry)
        for (index, table) in zip(indices, committed) { tables[index] = table }
        return tables
    }
}
