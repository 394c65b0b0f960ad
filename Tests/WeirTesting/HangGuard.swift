import Testing

extension Trait where Self == TimeLimitTrait {
    /// Ends a test that hangs. The time says nothing about the test: it runs from when the test begins to wait for a
    /// thread among hundreds of others, so it is long, and longer still in long runs.
    public static var hangGuard: Self { .timeLimit(.minutes(30 * Soak.factor)) }
}
