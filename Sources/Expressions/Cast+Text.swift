import Bytes
import Columnar
import Values

extension Cast {
    static func toString(_ a: Operand, invalid: inout [Int32], _ count: Int) -> ColumnVector {
        let stride = a.stride
        return Kernel.text([a], count, invalid: &invalid) { row, output in
            switch a.type {
            case .binary:
                let bytes = a.bytes(row)
                guard String(validating: bytes, as: UTF8.self) != nil else { return false }
                output.append(bytes)
                return true
            case .boolean, .int, .long, .float, .double, .decimal, .date, .time, .timestamp, .timestamptz, .uuid:
                output.appendValue { append(a.vector, row * stride, to: &$0) }
                return true
            default: return false
            }
        }
    }

    private static func append(_ column: ColumnVector, _ row: Int, to target: inout GrowableBuffer) {
        switch column.type {
        case .boolean: target.appendText(column.boolean(row) ? "true" : "false")
        case .int: target.appendInteger(Int64(column.pointer(as: Int32.self)[row]))
        case .long: target.appendInteger(column.pointer(as: Int64.self)[row])
        case .decimal(_, let scale): target.appendDecimal(column.pointer(as: Int128.self)[row], scale: scale)
        default: ScalarText.append(column.scalar(row), .cast, to: &target)
        }
    }

    static func fromString(_ a: Operand, to: FieldType, invalid: inout [Int32], _ count: Int) -> ColumnVector {
        switch to {
        case .boolean:
            var rows: [Int32] = []
            let result = Kernel.test([a], count) { row in
                if a.isNull(row) { return false }
                guard let value = NumberText.boolean(a.bytes(row), .cast).value else {
                    rows.append(Int32(row))
                    return false
                }
                return value
            }
            invalid += rows
            return result.vector
        case .int:
            return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) {
                NumberText.integer($0, as: Int32.self, .cast).value
            }
        case .long:
            return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) {
                NumberText.integer($0, as: Int64.self, .cast).value
            }
        case .float:
            return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) {
                NumberText.floating($0, as: Float.self, .cast).value
            }
        case .double:
            return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) {
                NumberText.floating($0, as: Double.self, .cast).value
            }
        case .decimal(let precision, let scale):
            return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) {
                DecimalText.parse($0, precision: precision, scale: scale, .cast).value
            }
        case .date:
            return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) { CivilText.date($0, .cast).value }
        case .time:
            return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) { CivilText.time($0, .cast).value }
        case .timestamp, .timestamptz:
            let zone = to == .timestamptz ? CivilText.Zone.optional : .none
            return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) {
                CivilText.timestamp($0, zone: zone, .cast).value
            }
        case .uuid:
            return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) {
                // Columns store UUIDs in text order (big-endian).
                NumberText.uuid($0, .cast).value?.bigEndian
            }
        case .binary: return a.expanded(to: count).reinterpreted(as: .binary)
        default: return .nulls(to, count: count)
        }
    }
}
