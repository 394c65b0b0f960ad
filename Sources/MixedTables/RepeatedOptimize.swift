import Bytes

/// A full optimize that is tried again when other writers' commits to base come first. From the second attempt on, runs
/// are asked to leave base alone until the last one is over.
public struct RepeatedOptimize: Sendable {
    private let attemptsMax: Int
    private let nowMilliseconds: @Sendable () -> Int64

    /// - Parameter nowMilliseconds: the wall clock, milliseconds since 1970.
    public init(attemptsMax: Int = 5, nowMilliseconds: @escaping @Sendable () -> Int64) {
        self.attemptsMax = attemptsMax
        self.nowMilliseconds = nowMilliseconds
    }

    /// - Parameters:
    ///   - onConflict: called when an attempt was in vain and another one follows; it may wait.
    ///   - onBatch: called for each batch of rows.
    public func run(
        _ table: MixedTable,
        onConflict: (_ attempt: Int, WeirError) -> Void,
        onBatch: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> (before: MixedTable, after: MixedTable, outcome: FullOptimize.Outcome) {
        var source = table
        var held: MixedTable?
        // The commit that ends the rewrite gives it back as well.
        defer { if let held { try? BaseHold.give(held) } }
        var attempt = 1
        while true {
            do throws(WeirError) {
                var renewed = nowMilliseconds()
                if attempt > 1, table.isKeyed {
                    held = try BaseHold.take(on: source, nowMilliseconds: renewed)
                    source = try source.refreshed()
                }
                let result = try FullOptimize(source, nowMilliseconds: renewed).run { () throws(WeirError) in
                    try onBatch()
                    let now = nowMilliseconds()
                    guard let known = held, now - renewed >= BaseHold.renewMilliseconds else { return }
                    renewed = now
                    held = try BaseHold.take(on: known, nowMilliseconds: now)
                }
                return (source, result.table, result.outcome)
            } catch {
                guard error.code == .conflict, attempt < attemptsMax else { throw error }
                onConflict(attempt, error)
            }
            attempt += 1
            source = try source.refreshed()
        }
    }
}
