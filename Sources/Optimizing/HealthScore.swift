/// How well a table can be read, from 0 to 100: 40 points for the sizes of its files, 40 for equality deletes and 20 for
/// position deletes (spec section 10.3).
public struct HealthScore: Sendable, Equatable {
    public var files: Int
    public var equalityDeletes: Int
    public var positionDeletes: Int

    public var total: Int { files + equalityDeletes + positionDeletes }

    /// - Parameter equalityRecords: of all equality-delete files.
    public init(_ picture: TablePicture, _ settings: OptimizingSettings, equalityRecords: Int64 = 0) {
        let all = picture.partitions.flatMap(\.files)
        let bytes = all.reduce(0.0) { $0 + Double($1.bytes) }
        let rows = all.reduce(0.0) { $0 + Double($1.rows) }
        let deleted = all.reduce(0.0) { $0 + Double($1.deletedRows) }
        let least = Double(settings.leastBytes)
        func share(_ a: Double, _ b: Double) -> Double { b <= 0 ? 0 : min(a, b) / b }
        let factor = all.count <= 1 ? 0 : share(Double(all.count), Double(settings.minorFiles)) * share(bytes, least)
        let average = all.isEmpty ? 0 : bytes / Double(all.count)
        files = Int((40 - factor * 40 * (1 - share(average, least))).rounded(.up))
        let equality = share(share(Double(equalityRecords), rows), settings.deletedRatio)
        equalityDeletes = Int((40 - factor * 40 * equality).rounded(.up))
        let position = share(share(deleted, rows), 2 * settings.deletedRatio)
        positionDeletes = Int((20 - factor * 20 * position).rounded(.up))
    }
}
