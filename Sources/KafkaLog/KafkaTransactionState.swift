import Bytes
import Foundation

/// The metadata text that a transaction stores with a group offset. Brokers allow 4096 bytes.
enum KafkaTransactionState {
    private static let mark = "gzip:"
    /// Bytes.
    static let limit = 3800
    private static let decodedLimit = 16 << 20

    /// Fails with `invalid` when the text is too large even compressed.
    static func encode(_ state: String) throws(WeirError) -> String {
        // The result is never empty: an offset without a text means that the brokers did not store it.
        if !state.isEmpty, state.utf8.count <= limit, !state.hasPrefix(mark) { return state }
        var packed = GrowableBuffer()
        let bytes = Buffer(copying: state.utf8)
        try withExtendedLifetime(bytes) { () throws(WeirError) in
            try Gzip.compress(bytes.bytes, into: &packed, level: 9)
        }
        let encoded = mark + Data(bytes: packed.base, count: packed.count).base64EncodedString()
        guard encoded.utf8.count <= limit else {
            throw WeirError(
                .invalid,
                "the state of a transaction has \(state.utf8.count) bytes, \(encoded.utf8.count) compressed; "
                    + "\(limit) is the most",
                advice: "read fewer partitions in one topology"
            )
        }
        return encoded
    }

    static func decode(_ text: String) throws(WeirError) -> String {
        guard text.hasPrefix(mark) else { return text }
        guard let packed = Data(base64Encoded: String(text.dropFirst(mark.count))) else {
            throw WeirError(.corrupt, "the state of the last transaction is damaged: no base64")
        }
        var state = GrowableBuffer()
        let bytes = Buffer(copying: packed)
        try withExtendedLifetime(bytes) { () throws(WeirError) in
            try Gzip.decompress(bytes.bytes, into: &state, limit: decodedLimit)
        }
        return String(decoding: UnsafeRawBufferPointer(start: state.base, count: state.count), as: UTF8.self)
    }
}
