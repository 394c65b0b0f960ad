import Dispatch
import Foundation
import Synchronization

/// Turns SIGINT, SIGTERM and SIGHUP into a request for a clean stop. A second SIGINT or SIGTERM ends the process at once.
final class StopSignals: @unchecked Sendable {
    private let count = Atomic<Int>(0)
    // Written only by the initializer.
    private var sources: [any DispatchSourceSignal] = []

    /// - Parameter onStop: called once, on a thread of its own.
    init(onStop: @escaping @Sendable () -> Void = {}) {
        for number in [SIGINT, SIGTERM, SIGHUP] {
            // Under nohup, SIGHUP stays ignored: the process outlives its terminal.
            if Self.isIgnored(signal(number, SIG_IGN)), number == SIGHUP { continue }
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
            source.setEventHandler { [weak self] in
                guard let self else { return }
                switch Reaction(to: number, earlier: self.count.wrappingAdd(1, ordering: .relaxed).oldValue) {
                case .stop: onStop()
                case .ignore: break
                case .exit(let status): _exit(status)
                }
            }
            source.activate()
            sources.append(source)
        }
    }

    enum Reaction: Equatable {
        case stop
        case ignore
        case exit(Int32)

        /// - Parameter earlier: the number of signals before this one.
        init(to number: Int32, earlier: Int) {
            if earlier == 0 {
                self = .stop
            } else if number == SIGHUP {
                // When a terminal goes away, both its shell and the kernel send SIGHUP.
                self = .ignore
            } else {
                // The shell's exit code convention for a process ended by a signal.
                self = .exit(128 + number)
            }
        }
    }

    var isStopped: Bool { count.load(ordering: .relaxed) > 0 }

    private static func isIgnored(_ handler: sighandler_t?) -> Bool {
        unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN as sighandler_t?, to: Int.self)
    }
}
