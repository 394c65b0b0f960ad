import Bytes
import Testing
import Values
import WeirTesting

@Suite struct JSONEscapeTests {
    /// Reads an escape without its backslash. Returns its scalar and its length in bytes.
    private static func read(_ text: String) throws(JSONEscape.Failure) -> (scalar: Unicode.Scalar, length: Int) {
        var offset = 0
        let bytes = Array(text.utf8)
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(JSONEscape.Failure) in try JSONEscape.scalar(in: bytes, at: &offset) }
        }
        return (try result.get(), offset)
    }

    @Test(arguments: [
        ("n", "\n", 1), ("t,", "\t", 1), ("\"", "\"", 1), ("/", "/", 1), ("\\", "\\", 1), ("b", "\u{8}", 1),
        ("f", "\u{c}", 1), ("r", "\r", 1), ("u0041B", "A", 5), ("u00e4", "ä", 5), ("uFFFF", "\u{ffff}", 5),
        ("uD83D\\uDE00x", "😀", 11),
    ])
    func `an escape is one character`(_ text: String, _ character: String, _ length: Int) throws {
        let (scalar, read) = try Self.read(text)
        #expect(String(scalar) == character && read == length)
    }

    @Test(
        arguments: [
            ("", JSONEscape.Failure.endsEarly), ("x", .unknown), ("u12", .noDigits), ("u12g4", .noDigits),
            ("ud83d", .halfPair), ("ud83dx", .halfPair), ("ud83d\\n", .halfPair), ("ud83d\\u0041", .halfPair),
            ("ud83d\\u12", .noDigits), ("ude00", .halfPair),
        ] as [(String, JSONEscape.Failure)]
    )
    func `anything else is refused`(_ text: String, _ reason: JSONEscape.Failure) {
        #expect(throws: reason) { try Self.read(text) }
    }

    @Test(arguments: SeededGenerator.seeds(20))
    func `what is escaped is read back`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            let scalars = (0..<20).map { _ in
                Unicode.Scalar(
                    UInt32.random(in: 0...0x11_0000, using: &random) >> UInt32.random(in: 0...16, using: &random)
                )
                    ?? "?"
            }
            var text = String(String.UnicodeScalarView(scalars))
            let expected = Array(text.utf8)
            for asJava in [false, true] {
                var target = GrowableBuffer()
                text.withUTF8 {
                    let bytes = UnsafeRawBufferPointer($0)
                    if asJava { target.appendJavaJSONString(bytes) } else { target.appendJSONString(bytes) }
                }
                let written = UnsafeRawBufferPointer(start: target.base, count: target.count)
                var found: [UInt8] = []
                var offset = 1
                while offset < written.count - 1 {
                    let byte = written[offset]
                    offset += 1
                    if byte != UInt8(ascii: "\\") {
                        found.append(byte)
                        continue
                    }
                    found += Array(String(try JSONEscape.scalar(in: written, at: &offset)).utf8)
                }
                #expect(found == expected, "seed \(seed), as Java \(asJava)")
            }
        }
    }
}
