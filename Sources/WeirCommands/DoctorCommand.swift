import ArgumentParser
import Bytes
import Foundation
import IcebergFormat

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check this machine and the warehouse; nothing is changed.",
        discussion: "Exits with 1 when something fails. Example: weir doctor --warehouse /data/warehouse"
    )

    @OptionGroup var place: WarehouseOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let places = try place.places()
        var checks = MachineChecks.all()
        checks += WarehouseChecks(places).all()
        let hasFailed = checks.contains { $0.status == .fail }
        let out = StandardOutput()
        if output.format == .table {
            let width = checks.map(\.name.count).max() ?? 0
            for check in checks where !output.talk.quiet || check.status != .ok {
                let blanks = String(repeating: " ", count: width - check.name.count)
                out.line("\(check.status.shown)  \(check.name)\(blanks)  \(check.detail)")
                if let advice = check.advice, check.status != .ok { out.line("      hint: \(advice)") }
            }
            try out.flush()
        } else {
            var listing = Listing("check", "status", "detail", "advice")
            for check in checks {
                let advice = check.status == .ok ? nil : check.advice
                listing.add(
                    .string(check.name),
                    .string(check.status.rawValue),
                    .string(check.detail),
                    .optional(advice)
                )
            }
            try listing.print(output.format, to: out)
        }
        if hasFailed { throw ExitStatus.ending(ExitStatus.failure) }
    }
}

/// One line of the doctor's report.
struct HealthCheck {
    enum Status: String {
        case ok, warn, fail

        var shown: String {
            switch self {
            case .ok: Terminal.output.colored("ok  ", 32)
            case .warn: Terminal.output.colored("warn", 33)
            case .fail: Terminal.output.colored("fail", 31)
            }
        }
    }

    let name: String
    let status: Status
    let detail: String
    let advice: String?

    init(_ name: String, _ status: Status, _ detail: String, advice: String? = nil) {
        self.name = name
        self.status = status
        self.detail = detail
        self.advice = advice
    }

    init(_ name: String, failed error: WeirError) {
        self.init(name, .fail, ErrorReport(error).message, advice: error.advice)
    }
}
