/// How a Parquet file is laid out.
public struct ParquetSettings: Sendable, Hashable {
    /// zstd level.
    public var compressionLevel: Int = 1
    /// Whether columns try a dictionary first; they fall back to plain values when it grows past `dictionaryBytes`.
    public var usesDictionary = true
    /// Ids of fields whose values hardly repeat: they are written plain at once, because filling a dictionary that is
    /// given up again costs more than writing the values.
    public var plainFields: Set<Int> = []
    /// Rows of a row group at most.
    public var rowGroupRows: Int = 131_072
    /// Encoded bytes that end a row group early. A row group stays in memory until it ends, so this bounds a writer.
    public var rowGroupBytes: Int = 4 << 20
    /// Bytes of a page before compression.
    public var pageBytes: Int = 128 << 10
    /// Bytes of one column's dictionary at most.
    public var dictionaryBytes: Int = 128 << 10

    public init() {}

    public init(compressionLevel: Int) { self.compressionLevel = compressionLevel }
}
