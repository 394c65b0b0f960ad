import Columnar
import IcebergFormat
import WeirTesting

extension Scalar {
    /// A random value of a primitive type.
    static func random(_ type: FieldType, _ random: inout SeededGenerator) -> Scalar {
        func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
        switch type {
        case .boolean: return .boolean(Bool.random(using: &random))
        case .int: return .int(Int32.random(in: .min ... .max, using: &random))
        case .date: return .date(Int32.random(in: -800_000...2_932_896, using: &random))
        case .long: return .long(Int64.random(in: .min ... .max, using: &random))
        case .time: return .time(Int64.random(in: 0..<86_400_000_000, using: &random))
        case .timestamp:
            return .timestamp(Int64.random(in: -60_000_000_000_000_000...60_000_000_000_000_000, using: &random))
        case .timestamptz:
            return .timestamptz(Int64.random(in: -60_000_000_000_000_000...60_000_000_000_000_000, using: &random))
        case .float: return .float(Float.random(in: -1e6...1e6, using: &random))
        case .double: return .double(Double.random(in: -1e6...1e6, using: &random))
        case .decimal(let precision, let scale):
            var limit: Int128 = 1
            for _ in 0..<precision { limit *= 10 }
            return .decimal(Int128.random(in: -limit + 1...limit - 1, using: &random), scale: scale)
        case .uuid: return .uuid(UInt128.random(in: .min ... .max, using: &random))
        case .fixed(let length): return .fixed(bytes(length))
        case .binary: return .binary(bytes(Int.random(in: 0...40, using: &random)))
        default:
            let alphabet = Array("abcXYZ0 /=éß→🦆\u{10ffff}\u{d7ff}")
            return .string(
                String(
                    (0..<Int.random(in: 0...40, using: &random)).map { _ in
                        alphabet.randomElement(using: &random) ?? "x"
                    }
                )
            )
        }
    }
}

extension DataFile {
    /// A file with all members random.
    static func random(_ partitionType: Schema, specId: Int, content: Content, _ random: inout SeededGenerator)
        -> DataFile
    {
        func chance() -> Bool { Bool.random(using: &random) }
        func counts() -> [Int: Int64] {
            Dictionary(
                uniqueKeysWithValues: (0..<Int.random(in: 0...4, using: &random)).map {
                    ($0 * 3 + 1, Int64.random(in: 0...1 << 40, using: &random))
                }
            )
        }
        func bounds() -> [Int: [UInt8]] {
            counts().mapValues { Array(String($0).utf8) }
        }
        var file = DataFile(
            content: content,
            path: "file:///t/\(random.next()).parquet",
            format: [.parquet, .orc, .avro].randomElement(using: &random) ?? .parquet,
            partition: partitionType.fields.map { field in
                Int.random(in: 0..<4, using: &random) == 0 ? .null : .random(field.type, &random)
            },
            specId: specId,
            recordCount: Int64.random(in: 0...1 << 50, using: &random),
            fileSize: Int64.random(in: 0...1 << 50, using: &random)
        )
        file.columnSizes = counts()
        file.valueCounts = counts()
        file.nullValueCounts = counts()
        file.nanValueCounts = counts()
        file.lowerBounds = bounds()
        file.upperBounds = bounds()
        if chance() { file.keyMetadata = [1, 2, 3] }
        if chance() { file.splitOffsets = [4, 1 << 33] }
        if content == .equalityDeletes { file.equalityIds = [1, 7] }
        if chance() { file.sortOrderId = Int.random(in: 0...9, using: &random) }
        if chance() { file.referencedDataFile = "file:///t/x.parquet" }
        return file
    }
}
