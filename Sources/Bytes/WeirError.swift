/// A failure caused by data, storage or another program, with what the user can do about it.
///
/// Programmer errors trap; every failure that can come from outside throws this error.
public struct WeirError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure. It decides whether a retry makes sense, and the exit code of a command.
    public enum Code: String, Sendable, Equatable {
        /// Bytes that do not conform to their format: torn, damaged, or written by something else.
        case corrupt
        /// Valid input that this version does not support.
        case unsupported
        /// A table, topic, column, file or snapshot that does not exist.
        case notFound
        /// Something with that name already exists.
        case alreadyExists
        /// Another writer committed first and the two changes cannot both hold.
        case conflict
        /// Another process has taken over this process's partitions.
        case fenced
        /// Another process owns the requested resource.
        case locked
        /// The operating system refused: permission, missing device, I/O error.
        case storage
        /// No space is left on the device.
        case outOfSpace
        /// A value that violates a type or rule.
        case invalid
        /// It is not known whether the operation took effect, so it is not safe to continue.
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
    /// Whether the failed operation is known to have changed nothing. Set only where the code alone does not imply it.
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

    /// The same error with `outer` put before the existing location.
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
