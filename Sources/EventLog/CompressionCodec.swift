import Bytes

/// The codecs a Kafka record batch may name in its attributes.
public enum CompressionCodec: Int16, Sendable, CaseIterable {
    case none = 0
    case gzip = 1
    case snappy = 2
    case lz4 = 3
    case zstd = 4

    /// A batch never expands beyond this, so a damaged length cannot ask for all memory.
    static let expandedBytesMax = 1 << 30

    /// Appends the compressed form of the input. Fails with `unsupported` for codecs this build cannot write.
    func compress(_ input: UnsafeRawBufferPointer, into output: inout GrowableBuffer) throws(WeirError) {
        switch self {
        case .none: output.append(input)
        case .gzip: try Gzip.compress(input, into: &output)
        case .zstd: try Zstandard.compress(input, into: &output)
        case .snappy, .lz4: throw unsupported
        }
    }

    /// Appends the original form.
    func decompress(_ input: UnsafeRawBufferPointer, into output: inout GrowableBuffer) throws(WeirError) {
        switch self {
        case .none: output.append(input)
        case .gzip: try Gzip.decompress(input, into: &output, limit: Self.expandedBytesMax)
        case .zstd: try Zstandard.decompress(input, into: &output, limit: Self.expandedBytesMax)
        case .snappy, .lz4: throw unsupported
        }
    }

    private var unsupported: WeirError {
        WeirError(.unsupported, "the codec \(self) is not built in", advice: "use none, gzip or zstd")
    }
}
