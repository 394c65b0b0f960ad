/// Layout settings of a Parquet file.
public struct ParquetSettings: Sendable, Hashable {
    /// zstd level.
    public var compressionLevel: Int = 1
    /// Whether columns try a dictionary first; they fall back to plain values when it grows past `dictionaryBytes`.
    public var usesDictionary = true
    /// Ids of fields whose values rarely repeat. They are written plain from the start, because filling a dictionary
    /// that is then abandoned costs more than writing the values.
    public var plainFields: Set<Int> = []
    /// Maximum rows of a row group.
    public var rowGroupRows: Int = 131_072
    /// Encoded bytes at which a row group ends early. A row group stays in memory until it ends, so this limits a
    /// writer's memory.
    public var rowGroupBytes: Int = 4 << 20
    /// Bytes of a page before compression.
    public var pageBytes: Int = 128 << 10
    /// Maximum bytes of one column's dictionary.
    public var dictionaryBytes: Int = 128 << 10

    public init() {}

    public init(compressionLevel: Int) { self.compressionLevel = compressionLevel }
}
