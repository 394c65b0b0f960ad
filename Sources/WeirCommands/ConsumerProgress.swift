import Bytes
import Foundation
import IcebergFormat
import MixedTables

/// Stores a consumer's place behind what the reader of standard output has taken.
///
/// Of a pipe that is what its reader has read: what still waits in it when the reader ends is printed again next time.
final class ConsumerProgress {
    private let keeper: ConsumerKeeper
    private let printer: ChangePrinter
    /// Places with the number of bytes printed up to them, ascending.
    private var printed: [(end: Int64, place: ConsumerPlace)] = []
    /// The last place that the reader has taken everything up to.
    private var taken: ConsumerPlace
    private var out: StandardOutput { printer.out }

    private static let printedMax = 1024

    init(_ keeper: ConsumerKeeper, _ printer: ChangePrinter) {
        self.keeper = keeper
        self.printer = printer
        taken = keeper.consumer.place
        out.onReaderGone = { [weak self] in self?.endWithoutReader() }
    }

    /// Notes the printer's place, and stores what the reader has taken if it is time.
    func keep() throws(WeirError) {
        note()
        guard keeper.isDue else { return }
        try out.flush()
        follow()
        try keeper.keep(taken)
    }

    private func note() {
        let end = out.written + Int64(out.buffer.count)
        if printed.last?.end == end { printed.removeLast() }
        printed.append((end, printer.place))
        if printed.count > Self.printedMax { follow() }
        // A slow reader makes it coarser.
        if printed.count > Self.printedMax { printed.removeFirst(Self.printedMax / 2) }
    }

    private func follow() {
        let bytes = out.taken
        let count = printed.firstIndex { $0.end > bytes } ?? printed.count
        if count == 0 { return }
        taken = printed[count - 1].place
        printed.removeFirst(count)
    }

    /// Reads, and stores the place however that ends.
    func read(
        _ table: TableIdentifier,
        wasLapsed: Bool,
        _ body: () throws(WeirError) -> Void
    ) throws(WeirError) {
        do throws(WeirError) {
            try body()
            try printer.finish()
            note()
            waitForReader()
            follow()
            try keeper.close(taken)
        } catch {
            if error.code != .fenced {
                // The error is told, whatever becomes of the place.
                try? out.flush()
                follow()
                try? keeper.close(taken)
            }
            throw advised(error, table, wasLapsed: wasLapsed)
        }
    }

    /// Waits until the reader has taken everything: it may end with this process. One that takes nothing for a while may be
    /// waiting for this process.
    private func waitForReader() {
        let patience: Double = printer.isStopped ? 5 : 60
        var (seen, since) = (out.taken, Date())
        while seen < out.written {
            out.pauseWhileRead(milliseconds: 2)
            if out.taken > seen { (seen, since) = (out.taken, Date()) }
            if Date().timeIntervalSince(since) > patience {
                Terminal.note(
                    "the reader of standard output leaves its last \(out.written - seen) bytes where they are; consumer "
                        + "'\(keeper.name)' prints them again next time"
                )
                return
            }
            guard keeper.isDue else { continue }
            follow()
            do { try keeper.keep(taken) } catch { return }
        }
    }

    private func endWithoutReader() {
        follow()
        do throws(WeirError) {
            try keeper.close(taken)
        } catch {
            Terminal.note("the place of consumer '\(keeper.name)' was not stored: \(error.message)")
            exit(ExitStatus.failure)
        }
    }

    /// For changes that are gone: what to do about the consumer.
    private func advised(_ error: WeirError, _ table: TableIdentifier, wasLapsed: Bool) -> WeirError {
        guard error.code == .notFound || error.code == .unsupported else { return error }
        let lapse = wasLapsed ? ", which was silent for longer than its TTL," : ""
        return WeirError(
            error.code,
            "consumer '\(keeper.name)'\(lapse) cannot go on \(taken.text): \(error.message)",
            at: error.location,
            advice:
                "move it: 'weir consumer reset \(table) \(keeper.name) --to full' begins with the rows as they are; "
                + "earliest, latest, seq:N and timestamp:TIME do too"
        )
    }
}
