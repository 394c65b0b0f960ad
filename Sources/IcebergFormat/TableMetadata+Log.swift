extension TableMetadata {
    /// Adds the replaced metadata file to the metadata log and drops the oldest entries beyond the table's
    /// `write.metadata.previous-versions-max`.
    ///
    /// - Returns: the dropped entries.
    public mutating func supersede(_ path: String, writtenAtMs: Int64) -> [MetadataLogEntry] {
        let limit = properties["write.metadata.previous-versions-max"].flatMap { Int($0) } ?? 100
        metadataLog.append(MetadataLogEntry(timestampMs: writtenAtMs, path: path))
        let forgotten = Array(metadataLog.prefix(max(0, metadataLog.count - max(1, limit))))
        metadataLog.removeFirst(forgotten.count)
        return forgotten
    }
}
