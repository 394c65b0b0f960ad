import ArgumentParser
import Bytes
import Foundation
import IcebergFormat

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Show the whole path on this machine: log, tables, join, changes, optimizing.",
        discussion: """
            Writes the change events of a small shop to the file log, runs a topology over them, and reads the tables back; \
            every count is checked against what the shop holds. The warehouse stays for a look around; running it again \
            replaces only what it made. Example: weir demo --events 2000000 --warehouse ./weir-demo
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Option(help: "Change events to make.")
    var events = 500_000

    @Option(help: ArgumentHelp("The same as --warehouse.", valueName: "dir"))
    var keep: String?

    func validate() throws {
        if events < 100 { throw ValidationError("--events \(events) is too few for a shop; use 100 or more") }
        if keep != nil && options.warehouse != nil {
            throw ValidationError("--keep and --warehouse exclude each other")
        }
    }

    func run() throws {
        var options = options
        options.warehouse = keep ?? options.warehouse
        let warehouse = DemoWarehouse(try options.locations())
        try warehouse.prepare()
        let demo = DemoRun(warehouse, showsProgress: output.talk.showsProgress)
        let watch = Stopwatch()
        try step("Appending \(HumanText.count(events)) change events of a shop to the file log") {
            try demo.appendEvents(events)
        }
        try step("Running \(warehouse.topologyPath): tables of customers and orders, and orders joined with customers")
        {
            try demo.ingest(events)
        }
        try step("Scanning the tables: base and changes merged") { try demo.scan("scan") }
        try step("Reading every change of the orders") { try demo.readChanges() }
        try step("Scanning the base stores alone, as any Iceberg engine reads them") {
            try demo.scan("scan base alone", ofBase: true)
        }
        try report(demo, warehouse, watch.seconds)
    }

    private func step(_ title: String, _ body: () throws -> Void) throws {
        if output.format == .table && !output.talk.quiet { try StandardOutput.printLine(title + " …") }
        try body()
    }

    private func report(_ demo: DemoRun, _ warehouse: DemoWarehouse, _ seconds: Double) throws(WeirError) {
        let out = StandardOutput()
        guard output.format == .table else {
            var listing = Listing("step", "count", "unit", "seconds", "per_second")
            for figure in demo.figures {
                listing.add(
                    .string(figure.step),
                    .count(figure.count),
                    .string(figure.unit),
                    .number(HumanText.decimal(figure.seconds, 2)),
                    .count(Int(Double(figure.count) / max(figure.seconds, 1e-6)))
                )
            }
            return try listing.print(output.format, to: out)
        }
        var listing = Listing("step", "count", "unit", "time", "rate")
        for figure in demo.figures {
            listing.add(
                .string(figure.step),
                .string(HumanText.count(figure.count)),
                .string(figure.unit),
                .string(HumanText.duration(figure.seconds)),
                .string(HumanText.rate(figure.count, figure.seconds))
            )
        }
        if !output.talk.quiet { out.line("") }
        try listing.print(.table, to: out)
        if output.talk.quiet { return }
        let tables = demo.tableCounts().map { "\($0.table) \(HumanText.count($0.rows))" }.joined(separator: ", ")
        out.line("")
        out.line("Rows, as many as the shop has: \(tables). Everything took \(HumanText.duration(seconds)).")
        out.line("")
        out.line("Try next:")
        let options = warehouse.locations.commandOptions
        let program = Self.program
        out.line("  \(program) scan shop.orders_enriched --where \"country = 'DE'\" --limit 5\(options)")
        out.line("  \(program) read shop.orders --from earliest --limit 5\(options)")
        out.line("  \(program) lookup shop.customers 1 2 3\(options)")
        try out.flush()
    }

    /// The program as it was called, if it can be called that way again.
    private static var program: String {
        let name = CommandLine.arguments.first ?? "weir"
        return name.contains("/") && !name.contains(" ") ? name : "weir"
    }
}
