import Bytes

/// What a saved map is of. One of anything else is not used.
public struct StateIdentity: Equatable, Sendable {
    /// The table's UUID.
    public var table: String
    /// Its key columns and their types: a key has another fingerprint in a wider type.
    public var keys: String
    /// The nodes of the table whose keys the map has.
    public var nodes: String

    public init(table: String, keys: String, nodes: String) {
        self.table = table
        self.keys = keys
        self.nodes = nodes
    }
}

/// The state of a table that a saved map reflects.
public struct StatePoint: Equatable, Sendable {
    public var snapshotId: Int64
    public var sequence: Int64

    public init(snapshotId: Int64, sequence: Int64) {
        self.snapshotId = snapshotId
        self.sequence = sequence
    }
}

/// A map as it was saved.
public struct SavedPlaces: Sendable {
    public var map: PlaceMap
    public var point: StatePoint
    /// What the owner of the map saved with it, such as the names of its file numbers.
    public var payload: [UInt8]
}

/// What a state folder has.
public enum OpenedPlaces: Sendable {
    case nothing
    case saved(SavedPlaces)
    /// The saved state is damaged, or of something else. The map has to be loaded from the table; the next save replaces
    /// what is there.
    case unusable(WeirError)
}
