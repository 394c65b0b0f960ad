import Bytes
import CArrowShim

extension ArrowColumn {
    /// This array as a column of `type`. Shares the memory if the layouts agree, otherwise converts the values.
    ///
    /// Supported conversions: narrower integers to int and long, float to double, decimals of the same scale to a
    /// higher precision, times and timestamps of any unit to microseconds (nanoseconds are rounded down), text and
    /// bytes to each other, 16 fixed bytes to uuid.
    func converted(to type: FieldType) throws(WeirError) -> ColumnVector {
        if let dictionary = array.dictionary { return try decoded(dictionary.pointee, to: type) }
        switch (format, type) {
        case (.boolean, .boolean): return try column(type, bits())
        case (.signed(4), .int), (.date32, .date), (.float, .float): return try column(type, values(width: 4))
        case (.signed(8), .long), (.double, .double), (.time64(.microseconds), .time),
            (.timestamp(.microseconds, _), .timestamp), (.timestamp(.microseconds, _), .timestamptz):
            return try column(type, values(width: 8))
        case (.signed(1), .int): return try column(type, map(Int8.self, 1) { Int32($0) })
        case (.signed(2), .int): return try column(type, map(Int16.self, 2) { Int32($0) })
        case (.unsigned(1), .int): return try column(type, map(UInt8.self, 1) { Int32($0) })
        case (.unsigned(2), .int): return try column(type, map(UInt16.self, 2) { Int32($0) })
        case (.signed(1), .long): return try column(type, map(Int8.self, 1) { Int64($0) })
        case (.signed(2), .long): return try column(type, map(Int16.self, 2) { Int64($0) })
        case (.signed(4), .long): return try column(type, map(Int32.self, 4) { Int64($0) })
        case (.unsigned(1), .long): return try column(type, map(UInt8.self, 1) { Int64($0) })
        case (.unsigned(2), .long): return try column(type, map(UInt16.self, 2) { Int64($0) })
        case (.unsigned(4), .long): return try column(type, map(UInt32.self, 4) { Int64($0) })
        case (.float, .double): return try column(type, map(Float.self, 4) { Double($0) })
        case (.decimal128(let precision, let scale), .decimal(let wide, let wanted))
        where scale == wanted && precision <= wide:
            return try column(type, values(width: 16))
        case (.time32(let unit), .time):
            let factor = 1_000_000 / unit.rawValue
            return try column(type, map(Int32.self, 4) { Int64($0) * factor })
        case (.time64(.nanoseconds), .time): return try column(type, microseconds(.nanoseconds))
        case (.timestamp(let unit, _), .timestamp), (.timestamp(let unit, _), .timestamptz):
            return try column(type, microseconds(unit))
        case (.utf8, .string), (.utf8, .binary), (.binary, .binary), (.binary, .string):
            return try column(type, texts())
        case (.largeUTF8, .string), (.largeUTF8, .binary), (.largeBinary, .binary), (.largeBinary, .string):
            return try column(type, largeTexts())
        case (.fixedBinary(let width), .fixed(let length)) where width == length:
            return try column(type, values(width: width))
        case (.fixedBinary(16), .uuid): return try column(type, values(width: 16))
        default:
            throw WeirError(.invalid, "a column of type \(format.nearestType) cannot be read as \(type)")
        }
    }

    /// A dictionary-encoded array as plain values; `format` is that of the dictionary's values, indices are int32.
    private func decoded(_ dictionary: ArrowArray, to type: FieldType) throws(WeirError) -> ColumnVector {
        let words = ArrowColumn(
            array: dictionary,
            offset: Int(dictionary.offset),
            count: Int(dictionary.length),
            format: format,
            owner: owner
        )
        let plain = try words.converted(to: type)
        let source = try values(width: 4)
        let validity = try validity()
        var rows = [Int32](repeating: -1, count: count)
        for row in 0..<count {
            if let validity, !Bitmap.isSet(validity.base, row) { continue }
            let index = source.values(as: Int32.self)[row]
            guard index >= 0, Int(index) < words.count else {
                throw WeirError(.corrupt, "dictionary index \(index) of \(words.count) values")
            }
            rows[row] = index
        }
        if plain.type.layout == .variableWidth {
            let total = rows.reduce(0) { $0 + ($1 < 0 ? 0 : plain.bytes(Int($1)).count) }
            guard total <= Int(Int32.max) else {
                throw WeirError(.unsupported, "a batch of this column holds more than 2 GiB of text")
            }
        }
        return rows.withUnsafeBufferPointer { plain.gathered($0) }
    }

    /// Whether `converted(to:)` supports this pair of types. Checked before any row is read.
    static func canConvert(_ format: ArrowFormat, to type: FieldType) -> Bool {
        switch (format, type) {
        case (.timestamp(_, let hasZone), .timestamp): !hasZone
        case (.timestamp(_, let hasZone), .timestamptz): hasZone
        case (.utf8, .string), (.utf8, .binary), (.binary, .binary), (.binary, .string), (.largeUTF8, .string),
            (.largeUTF8, .binary), (.largeBinary, .binary), (.largeBinary, .string), (.fixedBinary(16), .uuid):
            true
        case (.signed(1), .int), (.signed(2), .int), (.unsigned(1), .int), (.unsigned(2), .int), (.signed, .long),
            (.unsigned(4), .long), (.unsigned(2), .long), (.unsigned(1), .long), (.time32, .time), (.time64, .time):
            true
        case (.unsigned, _), (.signed(1), _), (.signed(2), _): false
        default: format.nearestType.canPromote(to: type)
        }
    }

    private func column(_ type: FieldType, _ values: Buffer) throws(WeirError) -> ColumnVector {
        ColumnVector(type: type, count: count, validity: try validity(), values: values)
    }

    private func column(_ type: FieldType, _ texts: (offsets: Buffer, bytes: Buffer)) throws(WeirError) -> ColumnVector
    {
        ColumnVector(type: type, count: count, validity: try validity(), values: texts.offsets, bytes: texts.bytes)
    }

    @inline(__always)
    private func map<From: BitwiseCopyable, To: BitwiseCopyable>(
        _ from: From.Type,
        _ width: Int,
        _ convert: (From) -> To
    ) throws(WeirError) -> Buffer {
        let source = try values(width: width)
        return Buffer.filled(count: count * MemoryLayout<To>.stride) { target in
            guard let out = target.baseAddress?.assumingMemoryBound(to: To.self) else { return }
            let rows = source.values(as: From.self)
            for row in 0..<count { out[row] = convert(rows[row]) }
        }
    }

    private func microseconds(_ unit: ArrowFormat.Unit) throws(WeirError) -> Buffer {
        if unit == .nanoseconds {
            // Round down, so that times before 1970 keep their order.
            return try map(Int64.self, 8) { $0.floorDivided(by: 1000) }
        }
        let factor = 1_000_000 / unit.rawValue
        let validity = try validity()
        let source = try values(width: 8).values(as: Int64.self)
        for row in 0..<count where source[row].multipliedReportingOverflow(by: factor).overflow {
            // The value of a null row is undefined; skip it.
            if let validity, !Bitmap.isSet(validity.base, row) { continue }
            throw WeirError(.invalid, "timestamp \(source[row]) in \(unit) does not fit microseconds")
        }
        return try map(Int64.self, 8) { $0 &* factor }
    }
}
