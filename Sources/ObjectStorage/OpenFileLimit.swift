import Foundation

/// The number of files this process may have open at once (`ulimit -n`).
public enum OpenFileLimit {
    /// The limit at its first use.
    public static let descriptors: Int = {
        let limit = sysconf(Int32(_SC_OPEN_MAX))
        // If unknown or unlimited, use the usual default.
        return limit > 0 ? limit : 1024
    }()

    /// The share of one of several users of files, at most `most`.
    public static func share(most: Int) -> Int { max(1, min(most, descriptors / 4)) }
}
