import Columnar
import IcebergFormat

/// One partition of one spec. Unlike plain values, NaN equals NaN, and 0.0 differs from −0.0.
public struct PartitionKey: Hashable, Sendable {
    public let specId: Int
    let values: [Scalar]

    public init(specId: Int, values: [Scalar]) {
        self.specId = specId
        self.values = values.map { value in
            switch value {
            case .float(let number): .long(Int64(number.isNaN ? Float.nan.bitPattern : number.bitPattern))
            case .double(let number): .long(Int64(bitPattern: number.isNaN ? Double.nan.bitPattern : number.bitPattern))
            default: value
            }
        }
    }

    public init(_ file: DataFile) { self.init(specId: file.specId, values: file.partition) }
}
