import Testing

extension Trait where Self == TimeLimitTrait {
    /// Ends a test that hangs. The limit includes the time that the test waits for a thread among hundreds of other
    /// tests, so it is long, and longer in soak runs.
    public static var hangGuard: Self { .timeLimit(.minutes(30 * Soak.factor)) }
}
