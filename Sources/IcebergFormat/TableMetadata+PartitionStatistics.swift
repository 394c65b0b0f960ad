import Bytes

extension TableMetadata {
    /// The statistics files of partitions, which are kept as they were read.
    public var partitionStatisticsPaths: [String] {
        guard case .array(let files)? = otherMembers["partition-statistics"] else { return [] }
        return files.compactMap { $0.asObject?["statistics-path"]?.asString }
    }
}
