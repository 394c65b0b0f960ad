import Bytes

/// What a strategy wants to be done to a table, and why.
public struct OptimizingPlan: Sendable, Equatable {
    /// Files of one partition that are worked on together.
    public struct Step: Sendable, Equatable {
        public enum Work: String, Sendable {
            /// Deletes get the form that readers open fastest; the data files stay.
            case deletes
            /// The live rows go to new files.
            case rows
        }

        public var kind: OptimizingKind
        public var work: Work
        public var reason: Reason
        /// `name=value/…`, empty without partitions.
        public var partition: String
        /// Ids of files of the picture.
        public var files: [Int]
        /// Of the files.
        public var bytes: Int64
        public var rows: Int64
        public var deletedRows: Int64
    }

    /// Why files are worked on.
    public enum Reason: String, Sendable, CaseIterable {
        case looseDeletes = "several delete files, or some that concern other files as well"
        case deletedRows = "many deleted rows"
        case fragments = "small files"
        case undersized = "files below the target size"
        case requested = "a full rewrite"
    }

    /// Cheapest first.
    public var steps: [Step] = []
    /// Steps that have to wait, since these are enough at once.
    public var left = 0

    /// The most expensive kind of the steps; nil if there is nothing to do.
    public var kind: OptimizingKind? { steps.map(\.kind).max() }
    public var isEmpty: Bool { steps.isEmpty }
    public var bytes: Int64 { steps.reduce(0) { $0.addingClamped($1.bytes) } }
    public var fileCount: Int { steps.reduce(0) { $0 + $1.files.count } }
}
