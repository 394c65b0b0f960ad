import ArgumentParser
import Bytes
import Columnar
import Testing

@testable import WeirCommands

@Test(
    arguments: [
        ["scam"], ["scan"], ["scan", "a.b", "--limit", "-1"], ["scan", "a.b", "--snapshot", "1", "--as-of", "2"],
        ["read", "a.b"], ["read", "a.b", "--from", "yesterday"], ["optimize", "a.b", "--minor", "--full"], ["optimize"],
        ["optimize", "--watch", "--dry-run"],
        ["log", "tail", "t", "--from=-1"],
        ["log", "tail", "t", "--partition=-1"], ["log", "append", "t", "--partition=-1"],
        ["read", "a.b", "--limit=-1"],
        ["help", "scam"], ["run", "t.yaml", "--set", "x"], ["log", "append"], ["demo", "--events", "1"],
        ["scan", "a.b", "-o", "xml"],
    ]
)
func `a mistake in the arguments ends with 2`(_ arguments: [String]) {
    #expect(WeirMain.status(arguments) == ExitStatus.usage)
}

@Test func `a catalog that is not understood is not shown, since it may hold a password`() {
    for text in ["host=db password=secret dbname=lake", "user=u:secret", "://secret", "secret"] {
        let error = #expect(throws: WeirError.self) { try CatalogPlace(text) }
        #expect(error.map { !"\($0)".contains("secret") } == true, "\(text)")
    }
    let error = #expect(throws: WeirError.self) { try CatalogPlace("mysql://u:secret@h/d") }
    #expect(error?.message == "catalogs of the form 'mysql:…' are not supported")
}

@Test func `every verb has help with an example`() throws {
    func check(_ command: any ParsableCommand.Type) {
        let help = Weir.helpMessage(for: command)
        #expect(help.contains("Example"), "\(command)")
        for child in command.configuration.subcommands { check(child) }
    }
    for command in Weir.configuration.subcommands { check(command) }
}

@Test(
    arguments: [
        ("earliest", ReadStart.earliest), ("latest", .latest), ("full", .full), ("snapshot:12", .snapshot("12")),
        ("snapshot:month-end", .snapshot("month-end")), ("snapshot:a:b", .snapshot("a:b")),
        ("timestamp:1500", .timestamp(1500)), ("timestamp:1970-01-01T00:00:01.5Z", .timestamp(1500)),
        ("timestamp:1970-01-02", .timestamp(86_400_000)),
    ]
)
func `reads where to begin`(_ text: String, _ start: ReadStart) throws { #expect(try ReadStart(text) == start) }

@Test(arguments: ["", "now", "snapshot", "snapshot:", "timestamp:", "timestamp:soon", "full:1"])
func `refuses another beginning`(_ text: String) {
    #expect(throws: WeirError.self) { try ReadStart(text) }
}

@Test func `a time is ISO 8601 or milliseconds, and text again`() throws {
    #expect(try TimeText.parse("2026-01-31T12:00:00+01:00") == 1_769_857_200_000)
    #expect(try TimeText.parse("2026-01-31T11:00:00.0019") == 1_769_857_200_001)
    #expect(try TimeText.parse("-1") == -1)
    #expect(TimeText.text(1_769_857_200_001) == "2026-01-31T11:00:00.001Z")
    #expect(TimeText.text(-1) == "1969-12-31T23:59:59.999Z")
    #expect(throws: WeirError.self) { try TimeText.parse("noon") }
}

@Test func `locations come from the command line, then the topology, then the environment`() throws {
    let environment = ["WEIR_WAREHOUSE": "/env", "WEIR_CATALOG": "sqlite:/env/c.db", "WEIR_LOG_ROOT": "/env/l"]
    let options = try WarehouseOptions.parse([])
    #expect(try options.locations(environment: [:]) == WarehouseLocations(warehouse: "./warehouse"))
    let ambient = try options.locations(environment: environment)
    #expect(ambient.warehouse == "/env" && ambient.catalog == .file("/env/c.db") && ambient.logRoot == "/env/l")
    // A named warehouse does not use the catalog of another one.
    let named = try options.locations(topology: ("/topology", nil), environment: environment)
    #expect(named == (try WarehouseLocations(warehouse: "/topology")))
    let explicit = try WarehouseOptions.parse(["--warehouse", "/line/", "--log-root", "/logs"])
    let line = try explicit.locations(topology: ("/topology", nil), environment: environment)
    #expect(line == (try WarehouseLocations(warehouse: "/line", logRoot: "/logs")))
    #expect(line.catalog == .file("/line/catalog.db"))
    #expect(line.commandOptions == " --warehouse /line --log-root /logs")
}

@Test(arguments: ["http://user:secret@host", "jdbc:postgresql://host/db?password=secret", "sqlite:"])
func `other catalogs are refused without showing them`(_ catalog: String) {
    do {
        _ = try WarehouseLocations(warehouse: "w", catalog: catalog)
        Issue.record("\(catalog) was taken")
    } catch {
        #expect(error.code == .unsupported)
        #expect(!error.description.contains("secret"))
    }
}

@Test func `columns are parsed with their types`() throws {
    let schema = try TableCreateCommand.schema(["id:long!", "amount:decimal(12,2)", "at:timestamptz"])
    #expect(schema.fields.map(\.id) == [1, 2, 3])
    #expect(schema.fields[0].isRequired && !schema.fields[1].isRequired)
    #expect(schema.fields[1].type == .decimal(precision: 12, scale: 2))
    for wrong in [["id"], ["id:lung"], ["a:int", "a:int"], [":int"]] {
        #expect(throws: WeirError.self) { try TableCreateCommand.schema(wrong) }
    }
}

@Test func `keys are parsed by the types of the primary key`() throws {
    let id = Field(id: 1, name: "id", type: .long)
    let code = Field(id: 2, name: "code", type: .string)
    #expect(try KeyLookup.parse("-7", [id]) == [.long(-7)])
    #expect(try KeyLookup.parse("a,b", [code]) == [.string("a,b")])
    #expect(try KeyLookup.parse("7,x", [id, code]) == [.long(7), .string("x")])
    #expect(throws: WeirError.self) { try KeyLookup.parse("7", [id, code]) }
    #expect(throws: WeirError.self) { try KeyLookup.parse("x,7", [id, code]) }
}

@Test func `an error is one line, and what to do is another`() {
    let error = WeirError(.notFound, "there is no topic 't'", at: "/log", advice: "create it")
    #expect(ErrorReport(error).text == "weir: error: there is no topic 't' (/log)\n  hint: create it\n")
    let usage = ErrorReport(
        usage: "Unexpected argument 'scam'",
        full: "Error: Unexpected argument 'scam'\nUsage: weir <subcommand>\n  See 'weir --help' for more information."
    )
    #expect(
        usage.text == """
            weir: error: unknown command 'scam'
              hint: did you mean 'weir scan'?
              hint: see 'weir --help'

            """
    )
}

@Test(
    arguments: [
        (["scna", "shop.t"], "unknown command 'scna'", "did you mean 'weir scan'?"),
        (["log", "tial", "t"], "unknown command 'log tial'", "did you mean 'weir log tail'?"),
        (["table", "lst"], "unknown command 'table lst'", "did you mean 'weir table ls'?"),
        (["describe", "shop.t"], "unknown command 'describe'", "did you mean 'weir log describe'?"),
        (["frobnicate"], "unknown command 'frobnicate'", "commands are demo, run, check"),
        (["help", "scna"], "unknown command 'scna'", "did you mean 'weir scan'?"),
        (["help", "log", "tial"], "unknown command 'log tial'", "did you mean 'weir log tail'?"),
        (["scan", "shop.t", "--limt", "3"], "unknown option '--limt'", "did you mean '--limit'?"),
        (["scan", "shop.t", "extra"], "unexpected argument 'extra'", "see 'weir scan --help'"),
        (
            ["log", "--folow"], "unknown option '--folow'",
            "options stand behind the command: 'weir log tail … --follow'"
        ),
        (["scan", "shop.t", "--limit", "-1"], "missing value for '--limit", "is given as --limit=-1"),
    ]
)
func `a misspelt command or option gets the nearest one`(_ arguments: [String], _ message: String, _ hint: String) {
    var report = UsageMistake.ofHelp(arguments)
    do {
        _ = try Weir.parseAsRoot(arguments)
    } catch {
        report =
            report
            ?? ErrorReport(usage: Weir.message(for: error), full: Weir.fullMessage(for: error), arguments: arguments)
    }
    let text = report?.text ?? ""
    #expect(text.contains(message) && text.lowercased().contains(hint.lowercased()), "\(text)")
}

@Test(arguments: [["help"], ["help", "log"], ["help", "log", "tail"], ["log", "help", "tail"]])
func `help of what is there is no mistake`(_ arguments: [String]) { #expect(UsageMistake.ofHelp(arguments) == nil) }

@Test func `numbers are shown as people write them`() {
    #expect(HumanText.count(1_234_567) == "1,234,567")
    #expect(HumanText.count(-1234) == "-1,234" && HumanText.count(999) == "999")
    #expect(HumanText.count(1, "row") == "1 row" && HumanText.count(0, "row") == "0 rows")
    #expect(HumanText.bytes(512) == "512 B" && HumanText.bytes(1536) == "1.5 KiB")
    #expect(HumanText.rate(500_000, 0.25) == "2.0 M/s" && HumanText.rate(0, 1) == "")
    #expect(HumanText.duration(0.0124) == "12 ms" && HumanText.duration(1.254) == "1.25 s")
    #expect(HumanText.duration(200) == "3 min 20 s")
    #expect(HumanText.decimal(2.999, 2) == "3.00" && HumanText.decimal(0.05, 2) == "0.05")
    #expect(ProgressLine.bar(done: 1, of: 2) == "[############------------]  50%")
    #expect(ProgressLine.bar(done: 9, of: 0).hasSuffix("100%"))
}
