import Bytes
import Columnar

/// Collects the summary of one partition field of a manifest for the manifest list.
struct PartitionSummary {
    let type: FieldType
    private var containsNull = false
    private var containsNaN = false
    private var lower: Scalar?
    private var upper: Scalar?

    init(type: FieldType) { self.type = type }

    mutating func add(_ value: Scalar) {
        switch value {
        case .null:
            containsNull = true
            return
        case .float(let number) where number.isNaN:
            containsNaN = true
            return
        case .double(let number) where number.isNaN:
            containsNaN = true
            return
        default: break
        }
        if lower.map({ value.precedes($0) == true }) ?? true { lower = value }
        if upper.map({ $0.precedes(value) == true }) ?? true { upper = value }
    }

    var summary: ManifestFile.FieldSummary {
        ManifestFile.FieldSummary(
            containsNull: containsNull,
            containsNaN: containsNaN,
            lowerBound: lower.flatMap { SingleValue.encode($0) },
            upperBound: upper.flatMap { SingleValue.encode($0) }
        )
    }
}
