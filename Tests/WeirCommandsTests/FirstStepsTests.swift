import Bytes
import EventLog
import Foundation
import Testing
import WeirTesting

@testable import WeirCommands

/// What somebody sees who starts in the wrong folder, or makes a mistake in a first topology.
@Suite(.serialized, .mostlyWaits, .hangGuard) struct FirstStepsTests {
    @Test func `a run in another folder names the log it looked in, and leaves nothing behind`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            let elsewhere = folder + "/else where"
            try FileManager.default.createDirectory(atPath: elsewhere, withIntermediateDirectories: false)
            let there = WeirBinary(folder: elsewhere)
            let path = URL(fileURLWithPath: elsewhere).resolvingSymlinksInPath().path
            let command = "weir log create people --log-root \"\(path)/warehouse/log\""
            for arguments in [["run", "../people.yaml", "--until-caught-up"], ["check", "../people.yaml"]] {
                let run = try there.run(arguments)
                #expect(run.status != 0)
                let said = run.output + run.errors
                #expect(said.contains("which does not exist (\(path)/warehouse/log)"), "\(said)")
                #expect(said.contains(command), "\(said)")
                #expect(said.contains("a relative warehouse or path counts from the current folder"), "\(said)")
                let left = try FileManager.default.contentsOfDirectory(atPath: elsewhere)
                #expect(left.allSatisfy { $0.hasPrefix(".out-") }, "\(left)")
            }
            // The command of the hint is right.
            let shell = Process()
            shell.executableURL = URL(fileURLWithPath: "/bin/sh")
            shell.arguments = ["-c", command.replacingOccurrences(of: "weir ", with: "'\(WeirBinary.path)' ")]
            try shell.run()
            shell.waitUntilExit()
            #expect(shell.terminationStatus == 0)
            #expect(try there("run", "../people.yaml", "--until-caught-up").status == 0)
            #expect(try weir("run", "people.yaml", "--until-caught-up").status == 0)
        }
    }

    @Test func `every missing topic is told with what is there`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            for topic in ["orders", "invoices"] { try weir("log", "create", topic) }
            let yaml = BinaryTests.topology.replacingOccurrences(of: "[people]", with: "[orders, odrers2, persons]")
            try yaml.write(toFile: folder + "/people.yaml", atomically: true, encoding: .utf8)
            let check = try weir("check", "people.yaml")
            #expect(check.status == 3)
            let errors = check.lines.filter { $0.contains("which does not exist") }
            #expect(errors.count == 2, "\(check.output)")
            // A topic that the source reads already is none to suggest.
            #expect(!check.output.contains("did you mean 'orders'"), "\(check.output)")
            #expect(check.output.contains("; other topics there are invoices"), "\(check.output)")
            let near = yaml.replacingOccurrences(of: "odrers2, persons", with: "invoicse")
            try near.write(toFile: folder + "/people.yaml", atomically: true, encoding: .utf8)
            #expect(try weir("check", "people.yaml").output.contains("hint: did you mean 'invoices'?"))
        }
    }

    @Test func `a missing table is told with the catalog that was asked`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            let path = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
            for arguments in [["scan", "db.t"], ["lookup", "db.t", "1"], ["read", "db.t", "--from", "earliest"]] {
                let run = try weir.run(arguments)
                let words = "no warehouse here: \(path)/warehouse/catalog.db does not exist"
                #expect(run.status == 1 && run.errors.contains(words), "\(run.errors)")
            }
            #expect(try weir("table", "create", "db.u", "--column", "id:int").status == 0)
            let scan = try weir("scan", "db.nothing")
            #expect(
                scan.errors.contains("there is no table 'db.nothing' (\(path)/warehouse/catalog.db)"),
                "\(scan.errors)"
            )
        }
    }

    @Test func `a source table without a route is told once, and counted at the end`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            let other = BinaryTests.record(1, "a", operation: "c").replacingOccurrences(
                of: "\"people\"",
                with: "\"pets\""
            )
            try weir("log", "append", "people", input: other + BinaryTests.record(2, "b", operation: "c") + other)
            let run = try weir("run", "people.yaml", "--until-caught-up")
            #expect(run.errors.components(separatedBy: "shop.public.pets").count == 2, "\(run.errors)")
            let line = "records left out 2, which no route matches: those of shop.public.pets"
            #expect(run.output.contains(line), "\(run.output)")
            let check = try weir("check", "people.yaml")
            #expect(check.output.components(separatedBy: "no route matches").count == 2, "\(check.output)")
            let again = try weir("log", "append", "people", input: other)
            #expect(again.status == 0)
            let json = try weir("run", "people.yaml", "--until-caught-up", "-o", "json").output
            #expect(json.contains("\"unrouted\":1,\"unrouted_tables\":[\"shop.public.pets\"]"), "\(json)")
        }
    }

    @Test func `a plan counts in the singular, and problems stand in the order of the file`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            let yaml = BinaryTests.topology.replacingOccurrences(of: "id: long, name: string", with: "id: long")
                .replacingOccurrences(of: "[people]", with: "[gone, people]")
            try yaml.write(toFile: folder + "/people.yaml", atomically: true, encoding: .utf8)
            try weir("log", "append", "people", input: BinaryTests.record(1, "a", operation: "c"))
            let check = try weir("check", "people.yaml")
            let lines = check.lines.compactMap { $0.split(separator: ":").dropFirst().first.flatMap { Int($0) } }
            #expect(lines == lines.sorted() && !lines.isEmpty, "\(check.output)")
            let sound = yaml.replacingOccurrences(of: "[gone, people]", with: "[people]")
            try sound.write(toFile: folder + "/people.yaml", atomically: true, encoding: .utf8)
            #expect(try weir("check", "people.yaml").output.contains("shop.people: 1 column, key id"))
        }
    }

    @Test func `small mistakes are answered with what to do`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            func said(_ arguments: String...) throws -> String {
                let run = try weir.run(arguments)
                #expect(run.status != 0, "\(arguments)")
                return run.errors
            }
            #expect(try said("run", ".").contains("this is a folder, not a topology file"))
            #expect(try said("check", "none.yaml").contains("there is no topology file (\(folder)"))
            #expect(try said("log", "describe", "t").contains("'weir log create t' makes one"))
            let create = try weir(
                "table",
                "create",
                "db.t",
                "--column",
                "id:long",
                "--column",
                "n:decimal(5,2)",
                "--primary-key",
                "id"
            )
            #expect(create.status == 0, "\(create.errors)")
            #expect(try said("table", "drop", "db.t").contains("see 'weir table drop --help'"))
            #expect(try said("lookup", "db.t", "id=7").contains("write the value alone: 7"))
            #expect(
                try said("scan", "db.t", "--where", "n > '7.5'").contains("write 7.5 without quotes: n is a number")
            )
            #expect(try !said("scan", "db.t", "--where", "n > 'x'").contains("CAST"))
        }
    }

    // MARK: Tail

    @Test func `a limit alone prints the newest records, with --from the first ones`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            try weir("log", "create", "t")
            try weir("log", "append", "t", input: (1...9).map { "{\"n\":\($0)}\n" }.joined())
            func tail(_ options: String...) throws -> [String] {
                try weir.run(["log", "tail", "t"] + options).lines.map { String($0.prefix { $0 != "\t" }) }
            }
            #expect(try tail("--limit", "3") == ["6", "7", "8"])
            #expect(try tail("--limit", "100") == (0...8).map(String.init))
            #expect(try tail("--limit", "0") == [])
            #expect(try tail() == (0...8).map(String.init))
            #expect(try tail("--from", "earliest", "--limit", "2") == ["0", "1"])
            #expect(try tail("--from", "4", "--limit", "2") == ["4", "5"])
            let follow = try weir.start(["log", "tail", "t", "--limit", "2", "--follow"])
            #expect(follow.wait(seconds: 600) { follow.output.contains("8\t") }, "\(follow.errors)")
            try weir("log", "append", "t", input: "{\"n\":10}\n")
            #expect(follow.wait(seconds: 600) { follow.output.contains("9\t") }, "\(follow.errors)")
            follow.signal(SIGTERM)
            let lines = follow.finish(seconds: 600).lines.map { $0.prefix { $0 != "\t" } }
            #expect(lines == ["7", "8", "9"])
        }
    }

    @Test func `the newest records of several partitions are those of the latest times`() throws {
        #expect(NewestRecords.counts([[1, 5, 9], [2, 8], []], limit: 3) == [2, 1, 0])
        #expect(NewestRecords.counts([[1, 5, 9], [2, 8], []], limit: 99) == [3, 2, 0])
        #expect(NewestRecords.counts([[1, 5, 9], [2, 8]], limit: 0) == [0, 0])
        // Within a partition the order is that of the offsets, whatever the times say.
        #expect(NewestRecords.counts([[9, 1], [5]], limit: 2) == [1, 1])
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            try weir("log", "create", "t", "--partitions", "3")
            for number in 0..<6 {
                let value = "{\"n\":\(number)}\n"
                try weir("log", "append", "t", "--partition", String(number % 3), input: value)
                Thread.sleep(forTimeInterval: 0.005)
            }
            let lines = try weir("log", "tail", "t", "--limit", "4").lines
            #expect(lines.count == 4, "\(lines)")
            #expect(Set(lines.compactMap { $0.last { $0.isNumber } }) == ["2", "3", "4", "5"], "\(lines)")
        }
    }
}
