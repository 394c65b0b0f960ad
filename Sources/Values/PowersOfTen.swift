/// The powers of ten that fit 128 and 64 bits.
public enum PowersOfTen {
    /// 10⁰ through 10³⁸.
    public static let wide: [UInt128] = (0...38).map { exponent in
        (0..<exponent).reduce(UInt128(1)) { power, _ in power * 10 }
    }
    /// 10⁰ through 10¹⁹.
    public static let narrow: [UInt64] = wide.prefix(20).map { UInt64($0) }
}
