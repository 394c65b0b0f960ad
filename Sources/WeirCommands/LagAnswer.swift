import Bytes
import StreamRuntime

/// The lag that the logs' end offsets gave, with the generation and the time when they were requested.
struct LagAnswer {
    let lag: SourceLag?
    let generation: Int
    let time: RunClock.Instant

    /// The maximum age of an answer that is shown.
    static let ageMax = Duration.seconds(10)

    /// Nil for another generation, which reads other partitions, and if the answer is too old.
    func current(in generation: Int, at now: RunClock.Instant) -> SourceLag? {
        self.generation == generation && now - time <= Self.ageMax ? lag : nil
    }
}
