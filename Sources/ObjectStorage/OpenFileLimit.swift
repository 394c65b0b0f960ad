import Foundation

/// How many files this process may have open at once (`ulimit -n`).
public enum OpenFileLimit {
    /// As it was when it was asked for first.
    public static let descriptors: Int = {
        let limit = sysconf(Int32(_SC_OPEN_MAX))
        // Unknown or unlimited: what systems grant as a rule.
        return limit > 0 ? limit : 1024
    }()

    /// What one user of files among several may take, never more than `most`.
    public static func share(most: Int) -> Int { max(1, min(most, descriptors / 4)) }
}
