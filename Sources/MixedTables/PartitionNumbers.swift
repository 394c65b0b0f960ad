import IcebergTables

/// Numbers for partitions, which stand for them where there are many rows or files.
struct PartitionNumbers: Sendable {
    private var numbers: [PartitionKey: UInt32] = [:]

    /// The number of a partition that has one.
    subscript(partition: PartitionKey) -> UInt32? { numbers[partition] }

    /// The number of a partition; a new one has the next number.
    mutating func number(of partition: PartitionKey) -> UInt32 {
        if let known = numbers[partition] { return known }
        let number = UInt32(numbers.count)
        numbers[partition] = number
        return number
    }
}
