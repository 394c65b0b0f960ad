import ArgumentParser
import Bytes
import Foundation
import IcebergFormat
import Topology

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check this machine, the warehouse and Kafka's brokers; nothing is changed.",
        discussion: """
            Says why brokers cannot be used: their names, the network, TLS, the login or missing rights. Exits with 3 when \
            one of the checks fails. Example: weir doctor --topology topologies/shop.yaml
            """
    )

    @Option(help: "Also check the brokers and topics of a topology file, and its warehouse instead of the default.")
    var topology: String?

    @Option(help: "Also check brokers, HOST:PORT and more after commas, that need neither TLS nor a login.")
    var brokers: String?

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if topology != nil && brokers != nil { throw ValidationError("--topology and --brokers exclude each other") }
    }

    func run() throws {
        var locations = try options.locations()
        var kafka: [HealthCheck] = []
        if let brokers { kafka = BrokerChecks.all(TopologyBrokers(brokers: brokers)) }
        if let topology {
            let yaml = try Topology.text(of: topology)
            let (found, problems) = Topology.check(yaml: yaml, overrides: [])
            if let found {
                locations = try options.locations(found)
                // The warehouse checks report a warehouse that cannot be read.
                let existing = (try? locations.existingCatalog().properties(of: found)) ?? [:]
                kafka = BrokerChecks.all(try TopologyBrokers(found, existing: existing))
            } else {
                kafka = [BrokerChecks.unreadable(topology, problems)]
            }
        }
        var checks = MachineChecks.all()
        checks += WarehouseChecks(locations).all()
        checks += kafka
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
        if hasFailed { throw ExitStatus.ending(ExitStatus.problems) }
    }
}

/// One line of the report of `weir doctor`.
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
