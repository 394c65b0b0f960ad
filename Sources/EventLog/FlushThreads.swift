import Bytes
import Foundation

/// The threads that write and sync the partitions of one writer: a few, however many partitions there are.
///
/// Partitions with work wait in one queue. One thread at a time serves a partition, and keeps serving it while no other
/// partition waits. A new thread starts when all others are busy. A timer thread wakes idle partitions that have timed
/// work.
final class FlushThreads: @unchecked Sendable {
    /// Maximum number of concurrent syncs: enough to keep a device busy, which serves them together.
    static let threadsMax = 16

    // Protected by `condition`.
    private let condition = Condition()
    private var ready: [PartitionWriter] = []
    private var head = 0
    private var waiting = 0
    private var threads = 0
    private var isClosed = false

    // Protected by `timer`.
    private let timer = Condition()
    private var alarms: [ObjectIdentifier: (writer: PartitionWriter, time: MonotonicTime)] = [:]
    private var nextAlarm: MonotonicTime?
    private var timerRuns = false
    private var timerEnds = false

    /// Queues a partition that has work. It must not be queued or served already.
    func enqueue(_ writer: PartitionWriter) {
        let mustBegin = condition.locked { () -> Bool in
            ready.append(writer)
            // A woken thread counts as waiting until it has taken its partition from the queue.
            if ready.count - head <= waiting {
                condition.signalOne()
                return false
            }
            guard threads < Self.threadsMax, !isClosed else { return false }
            threads += 1
            return true
        }
        if mustBegin { begin("weir-log") { [self] in run() } }
    }

    /// Queues the partition at this time. A later call replaces the time; nil cancels it.
    func wake(_ writer: PartitionWriter, at time: MonotonicTime?) {
        timer.locked {
            guard let time else {
                alarms[ObjectIdentifier(writer)] = nil
                return
            }
            alarms[ObjectIdentifier(writer)] = (writer, time)
            if !timerRuns {
                timerRuns = true
                begin("weir-log-timer") { [self] in runTimer() }
            } else if nextAlarm.map({ time < $0 }) ?? true {
                timer.broadcast()
            }
        }
    }

    /// Stops the threads. Called after the partitions have been closed.
    func close() {
        condition.locked {
            isClosed = true
            condition.broadcast()
        }
        timer.locked {
            timerEnds = true
            alarms = [:]
            timer.broadcast()
        }
    }

    private func begin(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.name = name
        thread.start()
    }

    private func run() {
        while let writer = take() {
            while writer.work() {
                guard othersWait(behind: writer) else { continue }
                break
            }
        }
    }

    /// Waits for and returns the partition that has been queued longest; nil when the thread must stop.
    private func take() -> PartitionWriter? {
        condition.locked {
            while head == ready.count {
                if isClosed {
                    threads -= 1
                    return nil
                }
                waiting += 1
                condition.wait()
                waiting -= 1
            }
            defer {
                head += 1
                if head == ready.count {
                    ready.removeAll(keepingCapacity: true)
                    head = 0
                } else if head > 1024 {
                    ready.removeFirst(head)
                    head = 0
                }
            }
            return ready[head]
        }
    }

    /// Whether another partition waits. If so, this one is queued again behind it.
    private func othersWait(behind writer: PartitionWriter) -> Bool {
        condition.locked {
            guard head < ready.count else { return false }
            ready.append(writer)
            return true
        }
    }

    private func runTimer() {
        while true {
            let due = timer.locked { () -> [PartitionWriter]? in
                while true {
                    if timerEnds { return nil }
                    let now = MonotonicTime.now
                    let due = alarms.values.filter { $0.time <= now }.map(\.writer)
                    if !due.isEmpty {
                        for writer in due { alarms[ObjectIdentifier(writer)] = nil }
                        return due
                    }
                    nextAlarm = alarms.values.map(\.time).min()
                    if let nextAlarm { timer.wait(until: nextAlarm) } else { timer.wait() }
                }
            }
            guard let due else { return }
            for writer in due { writer.schedule() }
        }
    }
}
