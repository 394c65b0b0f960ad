/// A failure that data, storage or another program caused, told so that its reader knows what to do.
///
/// Programmer errors trap; everything that can arrive from outside ends in one of these.
public struct WeirError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of thing went wrong; decides whether a retry makes sense and which exit code a command ends with.
    public enum Code: String, Sendable, Equatable {
        /// Bytes that are not what their format says: torn, damaged, or written by something else.
        case corrupt
        /// A valid thing this version does not handle.
        case unsupported
        /// A table, topic, column, file or snapshot that is not there.
        case notFound
        /// Something of that name is there already.
        case alreadyExists
        /// Another writer committed first and the two changes cannot both hold.
        case conflict
        /// This process's turn is over: another one has taken its partitions.
        case fenced
        /// Another process owns what was asked for.
        case locked
        /// The operating system refused: permission, missing device, I/O error.
        case storage
        /// No space is left on the device.
        case outOfSpace
        /// A value that does not fit the type or rule it is held against.
        case invalid
        /// Whether the operation took effect is not known; going on would be a guess.
        case unknownState
        /// The caller asked to stop.
        case cancelled
    }

    public let code: Code
    /// What is wrong, in one sentence without a full stop.
    public let message: String
    /// Where: a file and offset, a topic and record, a line of the topology file.
    public let location: String?
    /// What to do about it.
    public let advice: String?
    /// Whether what failed is known to have changed nothing, where the code alone does not tell.
    public let hasChangedNothing: Bool

    public init(
        _ code: Code,
        _ message: String,
        at location: String? = nil,
        advice: String? = nil,
        hasChangedNothing: Bool = false
    ) {
        self.hasChangedNothing = hasChangedNothing
        self.code = code
        self.message = message
        self.location = location
        self.advice = advice
    }

    public var description: String {
        var text = message
        if let location { text += " (\(location))" }
        if let advice { text += "; \(advice)" }
        return text
    }

    /// The same error, with the place where it surfaced in front of a place that is known already.
    public func located(at outer: String) -> WeirError {
        WeirError(
            code,
            message,
            at: location.map { "\(outer), \($0)" } ?? outer,
            advice: advice,
            hasChangedNothing: hasChangedNothing
        )
    }
}
