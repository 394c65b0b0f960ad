import Bytes

/// A finding about a property that a user sets.
public struct PropertyFinding: Sendable, Equatable {
    public enum Severity: Sendable, Equatable {
        /// The name or the value is invalid.
        case error
        /// The property is stored, but probably does not have the intended effect.
        case warning
        /// The property is stored for other engines.
        case note
    }

    public let severity: Severity
    public let message: String
    public let advice: String?
}

extension TableProperties {
    /// Checks a property against the known ones; nil if there is no finding.
    ///
    /// Names with a prefix of Weir or Amoro must be known. Another name that is close to a known one is an error. All
    /// other names are user-defined and give a warning.
    public static func finding(name: String, value: String) -> PropertyFinding? {
        guard let property = property(named: name) else { return unknown(name) }
        if property.effect == .format {
            return PropertyFinding(
                severity: .error,
                message: "table property '\(name)' belongs to the format and cannot be set",
                advice: name.hasPrefix("weir.") ? "runs keep there what they need to go on" : "leave it out"
            )
        }
        // Iceberg reads such values in any case; those that Weir acts on are compared exactly.
        let spellings = property.effect == .weir ? [value] : [value, value.lowercased(), value.uppercased()]
        guard spellings.contains(where: property.values.allows) else {
            return PropertyFinding(
                severity: .error,
                message: "'\(value)' is no value of '\(name)'",
                advice: property.values.advice(for: value)
            )
        }
        switch property.effect {
        case .weir, .format: return nil
        case .others:
            return PropertyFinding(
                severity: .note,
                message: "table property '\(name)' is kept for other engines; weir does not act on it",
                advice: nil
            )
        case .notYet:
            return PropertyFinding(
                severity: .warning,
                message: "table property '\(name)' has no effect: weir keeps it for Amoro and does not act on it yet",
                advice: advice[name] ?? (name.hasPrefix("self-optimizing.") ? optimizeByHand : nil)
            )
        }
    }

    private static let optimizeByHand = "runs move changes into base by themselves, and 'weir optimize' rewrites it"
    private static let advice = [
        "log.consumer.changelog.modes":
            "weir's readers pass on every change: filter by its kind where they are consumed"
    ]

    /// Prefixes that only Weir and Amoro use.
    private static let ownPrefixes = [
        "log-store.", "log.consumer.", "mixed-format.", "optimized-sequence.", "self-optimizing.", "base.", "change.",
        "table-expire.", "snapshot.keep.", "clean-orphan-file.", "clean-dangling-delete-files.", "data-expire.",
        "table-trash.", "tag.auto-create.", "table.event-time-field", "table.watermark-",
    ]

    private static func unknown(_ name: String) -> PropertyFinding {
        let names = all.filter { $0.effect != .format }.map(\.name)
        if let begin = ownPrefixes.first(where: name.hasPrefix) {
            let known = names.filter { $0.hasPrefix(begin) }
            let rest = known.map { String($0.dropFirst(begin.count)) }
            let near = NearestName.nearest(to: String(name.dropFirst(begin.count)), among: rest)
            return PropertyFinding(
                severity: .error,
                message: "unknown table property '\(name)'",
                advice: near.map { "did you mean '\(begin)\($0)'?" }
                    ?? "known are \(known.sorted().prefix(12).joined(separator: ", "))\(known.count > 12 ? ", …" : "")"
            )
        }
        if let meant = misspelt(name, among: names) {
            return PropertyFinding(
                severity: .error,
                message: "unknown table property '\(name)'",
                advice: "did you mean '\(meant)'?"
            )
        }
        return PropertyFinding(
            severity: .warning,
            message:
                "'\(name)' is not a property that weir or Iceberg knows: it is kept in the table and has no effect",
            advice: nil
        )
    }

    /// A known name that differs slightly in one of its parts, or only in how its words are joined. Users may choose
    /// names freely, so this is stricter than the search for a near name.
    private static func misspelt(_ name: String, among names: [String]) -> String? {
        let words = letters(name)
        if let same = names.first(where: { letters($0) == words }) { return same }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count > 1 else { return nil }
        let near = names.filter { candidate in
            let others = candidate.split(separator: ".", omittingEmptySubsequences: false)
            guard others.count == parts.count else { return false }
            let differing = zip(parts, others).filter { $0 != $1 }
            guard differing.count == 1, let (part, other) = differing.first, other != "*" else { return false }
            return NearestName.nearest(to: String(part), among: [String(other)]) != nil
        }
        return NearestName.nearest(to: name, among: near)
    }

    private static func letters(_ name: String) -> String {
        String(name.lowercased().filter { $0.isLetter || $0.isNumber })
    }
}
