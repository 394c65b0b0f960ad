import Columnar
import IcebergFormat

/// One partition of one spec.
struct PartitionKey: Hashable {
    let specId: Int
    let values: [Scalar]

    init(specId: Int, values: [Scalar]) {
        self.specId = specId
        self.values = values
    }

    init(_ file: DataFile) { self.init(specId: file.specId, values: file.partition) }
}
