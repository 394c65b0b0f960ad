/// `commit.retry.*` of the tables of a commit.
struct RetryPolicy {
    let retries: Int
    let totalTimeoutMs: Int64
    private let minWaitMs: Int64
    private let maxWaitMs: Int64

    /// - Parameters:
    ///   - properties: of each table. The shortest patience counts, and the longest wait.
    ///   - isPatient: removes the limit on attempts.
    init(_ properties: [[String: String]], isPatient: Bool = false) {
        func numbers(_ key: String, _ fallback: Int64) -> [Int64] {
            properties.map { table in
                table["commit.retry." + key].flatMap { Int64($0) }.map { max(0, min($0, 1 << 40)) } ?? fallback
            }
        }
        retries = isPatient ? .max : Int(numbers("num-retries", 4).min() ?? 4)
        totalTimeoutMs = numbers("total-timeout-ms", 1_800_000).min() ?? 1_800_000
        // Unlimited attempts need a minimum wait, or they would busy-loop.
        minWaitMs = max(isPatient ? 10 : 0, numbers("min-wait-ms", 100).max() ?? 100)
        maxWaitMs = max(
            isPatient ? 10 : 0,
            min(numbers("max-wait-ms", 60_000).max() ?? 60_000, isPatient ? 250 : .max)
        )
    }

    /// Exponential backoff. Random jitter of up to half the wait keeps writers from colliding again.
    func waitMs(_ attempt: Int, _ random: UInt64) -> Int64 {
        let full = min(maxWaitMs, minWaitMs << Int64(min(attempt - 1, 20)))
        return full - Int64(random % UInt64(full / 2 + 1))
    }
}
