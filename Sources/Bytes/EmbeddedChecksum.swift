/// A CRC-32C inside the bytes it covers: eight hexadecimal digits that count as zeros while it is computed.
///
/// Files whose format has no checksum carry it in a member that other readers do not know and ignore. A file without
/// one comes from another writer and is not checked.
public enum EmbeddedChecksum {
    /// Reserves the bytes of the digits until `seal` writes them.
    public static let placeholder = "00000000"
    public static let count = 8

    /// Writes the digits.
    ///
    /// - Parameter offset: of the first digit in `bytes`.
    public static func seal(_ bytes: inout [UInt8], digitsAt offset: Int) {
        let crc = checksum(bytes[...], digitsAt: offset)
        bytes.replaceSubrange(offset..<offset + count, with: digits(crc))
    }

    /// Fails with `corrupt` when the bytes have changed since they were sealed.
    ///
    /// - Parameter offset: of the first digit, an index of `bytes`.
    public static func check(_ bytes: ArraySlice<UInt8>, digitsAt offset: Int) throws(WeirError) {
        guard bytes[offset..<offset + count].elementsEqual(digits(checksum(bytes, digitsAt: offset))) else {
            throw WeirError(
                .corrupt,
                "the file does not match the checksum it carries",
                at: "byte \(offset)",
                advice: "it was damaged, or edited by hand; restore it"
            )
        }
    }

    /// The offset of the digits in bytes that end with `prefix`, eight digits and `suffix`; nil for other bytes.
    public static func digits(in bytes: [UInt8], between prefix: String, and suffix: String) -> Int? {
        let offset = bytes.count - suffix.utf8.count - count
        let start = offset - prefix.utf8.count
        guard start >= 0, bytes[start..<offset].elementsEqual(prefix.utf8),
            bytes[(offset + count)...].elementsEqual(suffix.utf8)
        else { return nil }
        return offset
    }

    /// The digits of a checksum.
    public static func digits(_ crc: UInt32) -> [UInt8] {
        Array(Hex.encode(withUnsafeBytes(of: crc.bigEndian) { Array($0) }).utf8)
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>, digitsAt offset: Int) -> UInt32 {
        var crc: UInt32 = 0
        for part in [bytes[..<offset], ArraySlice(placeholder.utf8), bytes[(offset + count)...]] {
            crc = part.withUnsafeBytes { CRC32C.checksum($0, continuing: crc) }
        }
        return crc
    }
}
