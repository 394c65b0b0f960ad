import Foundation

/// Runs a block without root's right to write everywhere, so that file permissions can also be tested as root.
///
/// Only the calling thread loses the right, so the block must not move file work to another thread.
public func withoutRootRights<Result>(_ body: () throws -> Result) throws -> Result {
    guard geteuid() == 0 else { return try body() }
    let nobody: UInt32 = 65_534
    try ThreadUser.set(real: nobody, effective: nobody)
    defer { try? ThreadUser.set(real: 0, effective: 0) }
    return try body()
}

/// The user of one thread. Linux keeps the user per thread; the C library's functions change all threads.
private enum ThreadUser {
    #if arch(x86_64)
    private static let setresuid = 117
    #else
    private static let setresuid = 147
    #endif

    /// The saved user stays root, so that the change can be reverted.
    static func set(real: UInt32, effective: UInt32) throws {
        // Swift does not import functions with varying arguments.
        typealias SystemCall = @convention(c) (Int, UInt32, UInt32, UInt32) -> Int
        guard let symbol = dlsym(nil, "syscall") else { throw Peers.Failure(description: "no system calls") }
        let call = unsafeBitCast(symbol, to: SystemCall.self)
        guard call(setresuid, real, effective, 0) == 0 else {
            throw Peers.Failure(description: "the thread's user stays: errno \(errno)")
        }
    }
}
