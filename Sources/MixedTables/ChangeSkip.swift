import Bytes
import IcebergFormat

/// Changes behind a position that a reader has already: the first ones of the commit that comes next.
public struct ChangeSkip: Sendable, Equatable {
    public static let none = ChangeSkip(count: 0)

    public var count: Int64
    /// The sequence number of the commit that they are in; nil if it is not known.
    public var commit: Int64?

    public init(count: Int64, commit: Int64? = nil) {
        self.count = count
        self.commit = commit
    }

    /// Fails with `notFound` if the changes are not those that the reader has.
    ///
    /// - Parameters:
    ///   - next: the next commit that has changes, by sequence number; nil if there is none yet.
    ///   - changes: how many it has.
    func check(
        _ next: Int64?,
        _ changes: Int64,
        behind start: ChangePosition,
        of table: TableIdentifier
    ) throws(WeirError) {
        if count == 0 { return }
        if let next, commit ?? next == next {
            if count <= changes { return }
            throw WeirError(
                .notFound,
                "the commit that follows \(start.sequence) has \(changes) changes, so \(count) of them cannot be skipped",
                at: "commit \(next) of \(table)",
                advice: "begin with what was read completely: 'seq:\(start.sequence)'"
            )
        }
        let reason =
            commit.map { "commit \($0), of which \(count) changes were read, is gone: the table was rolled back" }
            ?? "no commit with changes follows \(start.sequence) yet, so \(count) of them cannot be skipped"
        throw WeirError(
            .notFound,
            reason,
            at: table.description,
            advice: "begin with what was read completely: 'seq:\(start.sequence)'"
        )
    }
}
