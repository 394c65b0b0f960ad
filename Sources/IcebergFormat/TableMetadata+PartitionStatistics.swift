import Bytes

extension TableMetadata {
    /// The paths of partition statistics files, which are preserved as they were read.
    public var partitionStatisticsPaths: [String] {
        guard case .array(let files)? = otherMembers["partition-statistics"] else { return [] }
        return files.compactMap { $0.asObject?["statistics-path"]?.asString }
    }
}
