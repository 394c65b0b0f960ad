import Optimizing
import Testing

@Suite struct OptimizingKindTests {
    @Test("kinds are ordered by what they cost")
    func order() { #expect(OptimizingKind.minor < .major && OptimizingKind.major < .full) }
}
