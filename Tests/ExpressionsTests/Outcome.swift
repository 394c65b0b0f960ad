import Columnar

/// The expected result of an expression for a row.
enum Outcome: Equatable, CustomStringConvertible {
    case value(Scalar)
    case failure

    /// Compares numbers by bits, so that NaN equals NaN and 0.0 differs from −0.0.
    static func same(_ left: Scalar, _ right: Scalar) -> Bool {
        switch (left, right) {
        case (.double(let a), .double(let b)): a.isNaN && b.isNaN || a.bitPattern == b.bitPattern
        case (.float(let a), .float(let b)): a.isNaN && b.isNaN || a.bitPattern == b.bitPattern
        default: left == right
        }
    }

    static func == (left: Outcome, right: Outcome) -> Bool {
        switch (left, right) {
        case (.value(let a), .value(let b)): same(a, b)
        case (.failure, .failure): true
        default: false
        }
    }

    /// An integer, or the failure when the type cannot hold it.
    static func whole(_ number: Int128, _ type: FieldType) -> Outcome {
        switch type {
        case .int: Int32(exactly: number).map { .value(.int($0)) } ?? .failure
        case .long: Int64(exactly: number).map { .value(.long($0)) } ?? .failure
        default: .failure
        }
    }

    var description: String {
        switch self {
        case .value(let value): "\(value)"
        case .failure: "a failure"
        }
    }
}
