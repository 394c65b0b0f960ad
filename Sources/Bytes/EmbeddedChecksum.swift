/// A CRC-32C inside of the bytes it covers: eight hexadecimal digits that count as zeros while it is computed.
///
/// Files whose formats have no checksum carry it where readers of other makers find a member they do not know and pass
/// over. A file without one is not checked: another writer made it.
public enum EmbeddedChecksum {
    /// Stands where the digits go until `seal` fills them in.
    public static let placeholder = "00000000"
    public static let count = 8

    /// Fills the digits in.
    ///
    /// - Parameter offset: of the first digit in `bytes`.
    public static func seal(_ bytes: inout [UInt8], digitsAt offset: Int) {
        let crc = checksum(bytes[...], digitsAt: offset)
        bytes.replaceSubrange(offset..<offset + count, with: digits(crc))
    }

    /// Fails with `corrupt` when the bytes are not those that were sealed.
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

    /// Where the digits are in bytes that end in `prefix`, eight digits and `suffix`; nil in others.
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
