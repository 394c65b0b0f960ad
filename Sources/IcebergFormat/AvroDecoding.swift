import Bytes
import Columnar

// Decodes values of an Avro file by the schema in its header. The caller visits the fields of a record in the order
// they were written and reads or skips each one, so no intermediate tree is built.
extension ByteReader {
    /// Reads the branch index if the type is a union; nil means null.
    mutating func readBranch(_ type: AvroType) throws(WeirError) -> AvroType? {
        var type = type
        if case .union(let branches) = type {
            let index = try readVarint()
            guard index >= 0, index < branches.count else {
                throw WeirError(.corrupt, "union branch \(index) does not exist", at: "byte \(offset)")
            }
            type = branches[Int(index)]
        }
        if case .null = type { return nil }
        return type
    }

    mutating func readLong(_ type: AvroType) throws(WeirError) -> Int64? {
        guard let type = try readBranch(type) else { return nil }
        switch type.physical {
        case .int, .long: return try readVarint()
        default: throw mismatch("an integer")
        }
    }

    mutating func readBoolean(_ type: AvroType) throws(WeirError) -> Bool? {
        guard let type = try readBranch(type) else { return nil }
        guard case .boolean = type.physical else { throw mismatch("a boolean") }
        return try readUInt8() != 0
    }

    mutating func readText(_ type: AvroType) throws(WeirError) -> String? {
        guard let type = try readBranch(type) else { return nil }
        switch type.physical {
        case .string, .bytes: return try readString(try readLength())
        default: throw mismatch("a text")
        }
    }

    mutating func readBinary(_ type: AvroType) throws(WeirError) -> [UInt8]? {
        guard let type = try readBranch(type) else { return nil }
        switch type.physical {
        case .string, .bytes: return try readBytes(try readLength())
        case .fixed(let size, _): return try readBytes(size)
        default: throw mismatch("bytes")
        }
    }

    private mutating func readLength() throws(WeirError) -> Int {
        let length = try readVarint()
        guard length >= 0, length <= remaining else {
            throw WeirError(
                .corrupt,
                "a value of \(length) bytes does not fit the rest of its block",
                at: "byte \(offset)"
            )
        }
        return Int(length)
    }

    /// Reads an array item by item; returns false if the value is null.
    @discardableResult
    mutating func readArray(
        _ type: AvroType,
        _ item: (AvroType, inout ByteReader) throws(WeirError) -> Void
    ) throws(WeirError) -> Bool {
        guard let type = try readBranch(type) else { return false }
        guard case .array(let items) = type.physical else { throw mismatch("an array") }
        while let count = try readBlockCount() {
            for _ in 0..<count { try item(items, &self) }
        }
        return true
    }

    /// The number of items in the next block of an array or map; nil at its end.
    private mutating func readBlockCount() throws(WeirError) -> Int? {
        var count = try readVarint()
        if count == 0 { return nil }
        if count < 0 {
            _ = try readVarint()
            count = 0 &- count
        }
        // Every item in these files takes at least one byte, so a larger count means corruption.
        guard count > 0, count <= remaining else {
            throw WeirError(.corrupt, "a block of \(count) items does not fit the file", at: "byte \(offset)")
        }
        return Int(count)
    }

    mutating func skip(_ type: AvroType) throws(WeirError) {
        switch type {
        case .null: break
        case .boolean: try skip(1)
        case .int, .long, .enumeration: _ = try readVarint()
        case .float: try skip(4)
        case .double: try skip(8)
        case .bytes, .string: try skip(try readLength())
        case .fixed(let size, _): try skip(size)
        case .logical(let physical, _, _, _): try skip(physical)
        case .union: if let branch = try readBranch(type) { try skip(branch) }
        case .record(let fields): for field in fields { try skip(field.type) }
        case .array(let items):
            while let count = try readBlockCount() { for _ in 0..<count { try skip(items) } }
        case .map(let values):
            while let count = try readBlockCount() {
                for _ in 0..<count {
                    try skip(try readLength())
                    try skip(values)
                }
            }
        }
    }

    /// A partition value of the spec's type. Files written before a type was widened contain the narrower type.
    mutating func readScalar(_ type: AvroType, as target: FieldType) throws(WeirError) -> Scalar {
        guard let type = try readBranch(type) else { return .null }
        let integer: Int64
        switch type.physical {
        case .boolean: return .boolean(try readUInt8() != 0)
        case .float:
            let value = Float(bitPattern: try readLittleEndian(UInt32.self))
            return target == .double ? .double(Double(value)) : .float(value)
        case .double: return .double(Double(bitPattern: try readLittleEndian(UInt64.self)))
        case .string: return .string(try readString(try readLength()))
        case .bytes: return try bytesScalar(try readBytes(try readLength()), type, target)
        case .fixed(let size, _): return try bytesScalar(try readBytes(size), type, target)
        case .int, .long: integer = try readVarint()
        default: throw mismatch("a partition value")
        }
        switch target {
        case .long: return .long(integer)
        case .time: return .time(integer)
        case .timestamp: return .timestamp(integer)
        case .timestamptz: return .timestamptz(integer)
        // The type or transform is unknown: the value is only used to distinguish partitions.
        case .other: return .long(integer)
        default:
            guard let narrow = Int32(exactly: integer) else { throw mismatch("a 32-bit partition value") }
            return target == .date ? .date(narrow) : .int(narrow)
        }
    }

    private func bytesScalar(_ bytes: [UInt8], _ type: AvroType, _ target: FieldType) throws(WeirError) -> Scalar {
        switch target {
        case .decimal(_, let scale):
            guard bytes.count <= 16 else { throw mismatch("a decimal of at most 16 bytes") }
            return .decimal(SingleValue.int128(bigEndian: bytes), scale: scale)
        case .uuid:
            guard bytes.count == 16 else { throw mismatch("a uuid") }
            return .uuid(UInt128(bitPattern: SingleValue.int128(bigEndian: bytes)))
        case .fixed: return .fixed(bytes)
        case .string:
            // The column was dropped from the schema, so only the file gives the value's type.
            if case .logical(_, "decimal", let scale, _) = type, bytes.count <= 16 {
                return .decimal(SingleValue.int128(bigEndian: bytes), scale: scale)
            }
            return .binary(bytes)
        default: return .binary(bytes)
        }
    }

    private func mismatch(_ wanted: String) -> WeirError {
        WeirError(.corrupt, "the file holds another type where \(wanted) belongs", at: "byte \(offset)")
    }
}
