import Bytes
import Columnar

extension Cast {
    static func toString(_ a: Operand, invalid: inout [Int32], _ count: Int) -> ColumnVector {
        let stride = a.stride
        if a.type == .binary {
            return Kernel.text([a], count, invalid: &invalid) { row, output in
                let bytes = a.bytes(row)
                guard String(validating: bytes, as: UTF8.self) != nil else { return false }
                output.append(bytes)
                return true
            }
        }
        return Kernel.text([a], count, invalid: &invalid) { row, output in
            let row = row * stride
            switch a.type {
            case .boolean: output.append(a.vector.boolean(row) ? "true" : "false")
            case .int: output.append(String(a.vector.pointer(as: Int32.self)[row]))
            case .long: output.append(String(a.vector.pointer(as: Int64.self)[row]))
            case .float:
                let value = a.vector.pointer(as: Float.self)[row]
                output.append(value.isFinite ? "\(value)" : ValueText.text(double: Double(value)))
            case .double: output.append(ValueText.text(double: a.vector.pointer(as: Double.self)[row]))
            case .decimal(_, let scale):
                output.append(ValueText.text(decimal: a.vector.pointer(as: Int128.self)[row], scale: scale))
            case .date: output.append(CivilTime.text(day: Int(a.vector.pointer(as: Int32.self)[row])))
            case .time: output.append(CivilTime.text(time: a.vector.pointer(as: Int64.self)[row]))
            case .timestamp: output.append(CivilTime.text(timestamp: a.vector.pointer(as: Int64.self)[row]))
            case .timestamptz:
                output.append(CivilTime.text(timestamp: a.vector.pointer(as: Int64.self)[row]) + "+00:00")
            case .uuid: output.append(ValueText.text(uuid: UInt128(bigEndian: a.vector.pointer(as: UInt128.self)[row])))
            default: return false
            }
            return true
        }
    }

    static func fromString(_ a: Operand, to: FieldType, invalid: inout [Int32], _ count: Int) -> ColumnVector {
        switch to {
        case .boolean:
            var rows: [Int32] = []
            let result = Kernel.test([a], count) { row in
                if a.isNull(row) { return false }
                guard let value = ValueText.boolean(parsing: a.bytes(row)) else {
                    rows.append(Int32(row))
                    return false
                }
                return value
            }
            invalid += rows
            return result.vector
        case .int:
            return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) {
                ValueText.integer(parsing: $0, as: Int32.self)
            }
        case .long:
            return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) {
                ValueText.integer(parsing: $0, as: Int64.self)
            }
        case .float:
            return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) {
                ValueText.double(parsing: $0).map { Float($0) }
            }
        case .double:
            return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) { ValueText.double(parsing: $0) }
        case .decimal(let precision, let scale):
            return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) {
                ValueText.decimal(parsing: $0, precision: precision, scale: scale)
            }
        case .date: return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) { CivilTime.day(parsing: $0) }
        case .time: return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) { CivilTime.time(parsing: $0) }
        case .timestamp, .timestamptz:
            return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) {
                CivilTime.timestamp(parsing: $0, hasZone: to == .timestamptz)
            }
        case .uuid: return Kernel.mapText(a, to: to, zero: 0, count, invalid: &invalid) { ValueText.uuid(parsing: $0) }
        case .binary: return a.expanded(to: count).reinterpreted(as: .binary)
        default: return .nulls(to, count: count)
        }
    }
}
