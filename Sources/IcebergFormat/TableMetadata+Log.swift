extension TableMetadata {
    /// Adds the replaced metadata file to the metadata log. When there are more than the table's
    /// `write.metadata.previous-versions-max`, drops the oldest eighth: file systems delete several files at once for
    /// little more than one, so most commits have none to delete.
    ///
    /// - Returns: the dropped entries.
    public mutating func supersede(_ path: String, writtenAtMs: Int64) -> [MetadataLogEntry] {
        let limit = max(1, properties["write.metadata.previous-versions-max"].flatMap { Int($0) } ?? 100)
        metadataLog.append(MetadataLogEntry(timestampMs: writtenAtMs, path: path))
        if metadataLog.count <= limit { return [] }
        let forgotten = Array(metadataLog.prefix(metadataLog.count - (limit - limit / 8)))
        metadataLog.removeFirst(forgotten.count)
        return forgotten
    }
}
