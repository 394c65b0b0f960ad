/// What a change does to the row of its key. The raw values are Amoro's action codes (spec section 4.2).
public enum ChangeKind: UInt8, Sendable, CaseIterable {
    case insert = 0
    case updateBefore = 1
    case updateAfter = 2
    case delete = 3

    /// The two-character form of Flink's row kinds.
    public var symbol: String {
        switch self {
        case .insert: "+I"
        case .updateBefore: "-U"
        case .updateAfter: "+U"
        case .delete: "-D"
        }
    }

    /// Whether the change removes a row.
    public var isRetraction: Bool { self == .updateBefore || self == .delete }
}
