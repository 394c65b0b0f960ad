import Foundation

/// Finds the processes that block writes to a SQLite database, from /proc/locks.
enum LockHolders {
    /// Names like `process 4711 (java)`; empty if unknown, such as for processes in other containers.
    static func of(_ path: String) -> [String] {
        guard let text = try? String(contentsOfFile: "/proc/locks", encoding: .utf8) else { return [] }
        // In WAL mode the write lock is a byte of the shared memory file, and every connection holds a lock on the
        // database file itself. In the other modes any lock on the database file blocks writes.
        let shared = identity(of: path + "-shm")
        let file = shared ?? identity(of: path)
        guard let file else { return [] }
        var numbers: Set<Int32> = []
        for line in text.split(separator: "\n") {
            guard let lock = Lock(line), lock.file == file, lock.process != getpid() else { continue }
            if shared != nil, !(lock.isWrite && lock.first <= writeByte && writeByte <= lock.last) { continue }
            numbers.insert(lock.process)
        }
        return numbers.sorted().map { number in
            let name = (try? String(contentsOfFile: "/proc/\(number)/comm", encoding: .utf8)) ?? ""
            let trimmed = name.trimmingCharacters(in: .whitespacesAndNewlines)
            return "process \(number)" + (trimmed.isEmpty ? "" : " (\(trimmed))")
        }
    }

    /// WAL_WRITE_LOCK in SQLite's wal-index.
    private static let writeByte: UInt64 = 120

    private struct FileIdentity: Equatable {
        let major: UInt64
        let minor: UInt64
        let inode: UInt64
    }

    private static func identity(of path: String) -> FileIdentity? {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        let device = UInt64(info.st_dev)
        // glibc's encoding of major and minor device numbers.
        let major = (device >> 8) & 0xfff | (device >> 32) & ~0xfff
        let minor = device & 0xff | (device >> 12) & ~0xff
        return FileIdentity(major: major, minor: minor & 0xffff_ffff, inode: UInt64(info.st_ino))
    }

    /// A line of /proc/locks: `1: POSIX  ADVISORY  WRITE 4711 08:01:131077 120 120`.
    private struct Lock {
        let isWrite: Bool
        let process: Int32
        let file: FileIdentity
        let first: UInt64
        let last: UInt64

        init?(_ line: Substring) {
            var words = line.split(separator: " ")
            // A waiting lock is marked with an arrow and is not held.
            guard words.count >= 8, words[1] != "->" else { return nil }
            words.removeFirst(3)
            let parts = words[2].split(separator: ":")
            guard parts.count == 3, let process = Int32(words[1]), let major = UInt64(parts[0], radix: 16),
                let minor = UInt64(parts[1], radix: 16), let inode = UInt64(parts[2]), let first = UInt64(words[3])
            else { return nil }
            isWrite = words[0] == "WRITE"
            self.process = process
            file = FileIdentity(major: major, minor: minor, inode: inode)
            self.first = first
            last = words[4] == "EOF" ? .max : UInt64(words[4]) ?? first
        }
    }
}
