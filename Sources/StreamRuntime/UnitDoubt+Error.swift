import Bytes
import ChangeEvents
import EventDecoders
import EventLog
import Foundation

/// The error of a run that cannot determine the unit of a column.
extension UnitDoubt {
    /// - Parameter raw: the batch that the value is in.
    func error(in raw: RawBatch) -> WeirError {
        let name = "column \(column.name) of \(column.source.identifier)"
        let message: String
        var advice = "say it in the source, with \(column.option): milliseconds, microseconds or nanoseconds"
        switch reason {
        case .unclear:
            let isSeconds = !column.isTimeOfDay && LargerUnit.usualSeconds.contains(value)
            let seconds =
                isSeconds ? "; as seconds, which are not read, it is \(Self.time(seconds: Double(value)))" : ""
            message = "what the integers of \(name) count cannot be told from its values, such as \(value)\(seconds)"
            if isSeconds { advice = "have the writer send milliseconds, or " + advice }
        case .mixed(let unit, let earlier, let other):
            message =
                "what the integers of \(name) count cannot be told from its values: \(shown(earlier, unit)) looks like "
                + "\(unit), \(shown(value, other)) like \(other)"
        case .contradicted(let unit, let other):
            message =
                "\(name) is read as \(unit), as its values before told, but \(shown(value, other)) looks like \(other)"
            advice =
                "say in the source which it is: with \(column.option): \(unit) the value is taken as it is; with "
                + "\(other), rows taken in before stay as they were read"
        case .early(let unit, let larger):
            message = "\(name) is read as \(unit), as its values before told, but \(Self.early(value, unit, larger))"
            advice =
                "have the writer send \(unit) as before; if these times are meant, say so in the source, with "
                + "\(column.option): \(unit)"
        }
        return WeirError(
            .invalid,
            message,
            at: "topic \(raw.topic), partition \(raw.partition), offset \(offset)",
            advice: advice
        )
    }

    private func shown(_ value: Int64, _ unit: TimeUnit) -> String {
        column.isTimeOfDay ? "\(value)" : "\(value) (\(Self.time(value, unit)))"
    }

    /// What is wrong with times in January 1970.
    static func early(_ value: Int64, _ unit: TimeUnit, _ larger: LargerUnit) -> String {
        let (name, meant) =
            switch larger {
            case .seconds: ("seconds", time(seconds: Double(value)))
            case .unit(let unit): (unit.rawValue, time(value, unit))
            }
        return "its times are in January 1970 then, such as \(value) (\(time(value, unit))); as \(name) it is \(meant)"
    }

    /// A timestamp as a person reads it.
    static func time(_ value: Int64, _ unit: TimeUnit) -> String {
        let seconds =
            switch unit {
            case .milliseconds: Double(value) / 1e3
            case .microseconds: Double(value) / 1e6
            case .nanoseconds: Double(value) / 1e9
            }
        return time(seconds: seconds)
    }

    private static func time(seconds: Double) -> String { Date(timeIntervalSince1970: seconds).formatted(.iso8601) }
}
