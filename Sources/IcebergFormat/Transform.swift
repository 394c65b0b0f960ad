import Bytes
import Columnar
import Values

/// Derives a partition or sort value from a column.
public enum Transform: Hashable, Sendable, CustomStringConvertible {
    case identity
    /// Hash modulo the given number.
    case bucket(Int)
    /// Rounded down to a multiple of the given width, or cut to that many code points or bytes.
    case truncate(Int)
    /// Years since 1970.
    case year
    /// Months since 1970-01.
    case month
    /// Days since 1970-01-01.
    case day
    /// Hours since 1970-01-01 00:00.
    case hour
    /// Always null.
    case void
    /// A transform of a later format version. Its text is kept, so that the table can still be opened.
    case other(String)

    /// Parses the form in table metadata: `day`, `bucket[16]`.
    public init(_ text: String) {
        switch text.lowercased() {
        case "identity": self = .identity
        case "year": self = .year
        case "month": self = .month
        case "day": self = .day
        case "hour": self = .hour
        case "void": self = .void
        case let name:
            guard name.hasSuffix("]"), let open = name.firstIndex(of: "["),
                let width = Int32(name[name.index(after: open)...].dropLast()), width > 0
            else {
                self = .other(text)
                return
            }
            switch name[..<open] {
            case "bucket": self = .bucket(Int(width))
            case "truncate": self = .truncate(Int(width))
            default: self = .other(text)
            }
        }
    }

    /// A transform of several columns is always `other`, because none is supported.
    init(_ text: String, sources: Int) { self = sources > 1 ? .other(text) : Transform(text) }

    public var description: String {
        switch self {
        case .identity: "identity"
        case .bucket(let count): "bucket[\(count)]"
        case .truncate(let width): "truncate[\(width)]"
        case .year: "year"
        case .month: "month"
        case .day: "day"
        case .hour: "hour"
        case .void: "void"
        case .other(let text): text
        }
    }

    /// The type of the transformed values; nil if the transform does not support the source type.
    public func resultType(for source: FieldType) -> FieldType? {
        switch (self, source) {
        case (.void, _): source
        case (.identity, _): source.isPrimitive ? source : nil
        case (.bucket, .int), (.bucket, .long), (.bucket, .decimal), (.bucket, .date), (.bucket, .time),
            (.bucket, .timestamp), (.bucket, .timestamptz), (.bucket, .string), (.bucket, .uuid), (.bucket, .fixed),
            (.bucket, .binary):
            .int
        case (.truncate, .int), (.truncate, .long), (.truncate, .decimal), (.truncate, .string), (.truncate, .binary):
            source
        case (.year, .date), (.year, .timestamp), (.year, .timestamptz), (.month, .date), (.month, .timestamp),
            (.month, .timestamptz), (.hour, .timestamp), (.hour, .timestamptz):
            .int
        case (.day, .date), (.day, .timestamp), (.day, .timestamptz): .date
        default: nil
        }
    }

    /// Whether a larger source value never gives a smaller result. Range pruning requires this.
    public var preservesOrder: Bool {
        switch self {
        case .identity, .truncate, .year, .month, .day, .hour: true
        case .bucket, .void, .other: false
        }
    }

    /// Whether manifests can store the result of every value of the type. They store a decimal in as many bytes as its
    /// precision requires; the multiple below the least value may need one more.
    func fitsAllResults(of source: FieldType) -> Bool {
        guard case .truncate(let width) = self, case .decimal(let precision, _) = source else { return true }
        let least = 1 - Int128(PowersOfTen.wide[min(max(precision, 0), 38)])
        guard let multiple = least.floorMultiple(of: Int128(width)) else { return false }
        return Self.minimalByteCount(multiple) <= ManifestSchema.decimalSize(precision)
    }

    func requireResultType(for source: FieldType) throws(WeirError) -> FieldType {
        guard let type = resultType(for: source) else {
            throw WeirError(.invalid, "transform '\(self)' does not take values of type \(source)")
        }
        return type
    }
}
