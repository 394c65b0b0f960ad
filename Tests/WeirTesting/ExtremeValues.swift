import Columnar

extension Scalar {
    /// A random value of a primitive type: null, an extreme of the type, a value near an extreme or zero, or any other.
    public static func extreme(_ type: FieldType, _ random: inout SeededGenerator) -> Scalar {
        if Int.random(in: 0..<10, using: &random) == 0 { return .null }
        switch type {
        case .boolean: return .boolean(Bool.random(using: &random))
        case .int: return .int(.extreme(&random))
        case .date: return .date(.extreme(&random))
        case .long: return .long(.extreme(&random))
        case .time: return .time(Int64.random(in: 0..<86_400_000_000, using: &random))
        case .timestamp: return .timestamp(.extreme(&random))
        case .timestamptz: return .timestamptz(.extreme(&random))
        case .float: return .float(Float(extremeDouble(&random)))
        case .double: return .double(extremeDouble(&random))
        case .decimal(let precision, let scale):
            let limit = (0..<precision).reduce(Int128(1)) { power, _ in power * 10 } - 1
            let value: Int128 =
                switch Int.random(in: 0..<6, using: &random) {
                case 0: limit
                case 1: -limit
                case 2: Int128.random(in: -9...9, using: &random)
                case 3: limit - Int128.random(in: 0...min(limit, 20), using: &random)
                default: Int128.random(in: -limit...limit, using: &random)
                }
            return .decimal(value, scale: scale)
        case .uuid: return .uuid(UInt128.random(in: .min ... .max, using: &random))
        case .fixed(let length): return .fixed((0..<length).map { _ in UInt8.random(in: 0...255, using: &random) })
        case .binary:
            let count = Int.random(in: 0...12, using: &random)
            return .binary((0..<count).map { _ in UInt8.random(in: 0...255, using: &random) })
        default: return .string(extremeText(&random))
        }
    }

    private static func extremeDouble(_ random: inout SeededGenerator) -> Double {
        let ends: [Double] = [
            0, -0.0, 1, -1, 0.5, -0.5, 1.5, 1e15, 1e16, 1e22, 1e38, -1e39, 1e300, -1e308, .greatestFiniteMagnitude,
            .leastNonzeroMagnitude, .infinity, -.infinity, .nan, 0x1p31, -0x1p31, 0x1p63, -0x1p63, 0x1p127, 0.1,
        ]
        if Bool.random(using: &random) { return ends.randomElement(using: &random) ?? 0 }
        return Bool.random(using: &random)
            ? Double(bitPattern: random.next()) : Double.random(in: -1000...1000, using: &random)
    }

    /// Texts that are valid, almost valid, or invalid values of some type.
    private static func extremeText(_ random: inout SeededGenerator) -> String {
        let texts = [
            "", " ", "a", "abc", "äöü", "日本語", "🦆🦆🦆", "ab%_", "true", "no", "NaN", "-Infinity", "inf", "1e999", "-",
            "+", ".", "e5", "1e", "0x10", "2024-02-29", "2023-02-29", "-0001-01-01", "+99999999-12-31",
            "-9999999-01-01", "+294247-01-10T04:00:54.775807", "+294247-01-10 04:00:54.775808Z",
            "-290308-12-21T19:59:05.224192", "2024-05-06 24:00:00", "10:20:30.123456789", "23:59:59.999999",
            "2024-05-06T10:20:30+18:59", "2147483648", "-9223372036854775809", "1e1000000000000000000000",
            "00112233-4455-6677-8899-aabbccddeeff",
        ]
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            // A number of up to 50 digits.
            var text = Bool.random(using: &random) ? "-" : ""
            let digits = Int.random(in: 1...50, using: &random)
            let point = Int.random(in: 0...digits, using: &random)
            let isNines = Bool.random(using: &random)
            for index in 0..<digits {
                if index == point { text += "." }
                text += isNines ? "9" : String(Int.random(in: 0...9, using: &random))
            }
            if Int.random(in: 0..<4, using: &random) == 0 { text += "e\(Int.random(in: -60...60, using: &random))" }
            return text
        case 1:
            let alphabet = Array("aab. ,xyzß→🦆")
            return String(
                (0..<Int.random(in: 0...12, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? "a" }
            )
        default: return texts.randomElement(using: &random) ?? ""
        }
    }
}

extension FixedWidthInteger where Self: SignedInteger {
    /// A random value: an extreme of the type, a value near it, near zero or near the extremes of narrower types, or
    /// any other.
    public static func extreme(_ random: inout SeededGenerator) -> Self {
        let near = Self(truncatingIfNeeded: Int.random(in: -12...12, using: &random))
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return .min
        case 1: return .max
        case 2: return .min &+ (near < 0 ? ~near : near)
        case 3: return .max &- (near < 0 ? ~near : near)
        case 4: return near
        case 5: return Self(truncatingIfNeeded: Int64(Int32.max)) &+ near
        case 6: return (1 as Self) << Self(truncatingIfNeeded: Int.random(in: 0..<bitWidth - 1, using: &random)) &+ near
        default: return Self.random(in: .min ... .max, using: &random)
        }
    }
}
