import Foundation
import IcebergFormat
import Topology

/// The parts of the manual that are generated from the code.
enum ManualReference {
    /// The output of `weir --experimental-dump-help`.
    struct Help: Decodable { let command: Command }

    struct Command: Decodable {
        let commandName: String
        let abstract: String?
        let superCommands: [String]?
        let subcommands: [Command]?
        let arguments: [Argument]?

        /// For example `table create`; empty for `weir` itself.
        var path: String { ((superCommands ?? []).dropFirst() + [commandName]).joined(separator: " ") }
        var page: String { "commands/\(path.replacingOccurrences(of: " ", with: "-")).md" }
        /// The commands without subcommands, possibly this one.
        var leaves: [Command] {
            guard let subcommands, !subcommands.isEmpty else { return [self] }
            return subcommands.filter { $0.commandName != "help" }.flatMap(\.leaves)
        }
    }

    struct Argument: Decodable {
        struct Name: Decodable {
            let kind: String
            let name: String
            var text: String { kind == "long" ? "--\(name)" : "-\(name)" }
        }
        let kind: String
        let shouldDisplay: Bool
        let isOptional: Bool
        let isRepeating: Bool
        let names: [Name]?
        let valueName: String?
        let defaultValue: String?
        let allValues: [String]?
        let abstract: String?
    }

    static func reference(_ command: Command) -> String {
        let arguments = (command.arguments ?? []).filter(\.shouldDisplay)
        let positional = arguments.filter { $0.kind == "positional" }
        let options = arguments.filter { $0.kind != "positional" }
        var usage = "weir \(command.path)"
        for argument in options where !argument.isOptional { usage += " \(word(argument)) …" }
        usage += " [options]"
        for argument in positional {
            let text = "<\(argument.valueName ?? "value")>" + (argument.isRepeating ? " …" : "")
            usage += argument.isOptional ? " [\(text)]" : " \(text)"
        }
        let rows = (positional + options).map { argument in
            [
                "`\(word(argument))`" + shorter(argument) + (argument.isRepeating ? ", repeated" : ""),
                argument.defaultValue.map { "`\($0)`" } ?? (argument.isOptional ? "" : "required"),
                (argument.abstract ?? "") + values(argument),
            ]
        }
        return "\(command.abstract ?? "")\n\n```sh\n\(usage)\n```\n\n"
            + ManualTable.table(["Argument", "Default", "Meaning"], rows)
    }

    private static func word(_ argument: Argument) -> String {
        let value = argument.kind == "flag" ? "" : "<\(argument.valueName ?? "value")>"
        guard let long = argument.names?.first(where: { $0.kind == "long" }) else { return value }
        return value.isEmpty ? long.text : "\(long.text) \(value)"
    }

    private static func shorter(_ argument: Argument) -> String {
        argument.names?.first { $0.kind == "short" }.map { ", `\($0.text)`" } ?? ""
    }

    private static func values(_ argument: Argument) -> String {
        argument.allValues.map { values in " One of " + values.map { "`\($0)`" }.joined(separator: ", ") + "." } ?? ""
    }

    /// The commands, with links to their pages.
    static func commands(_ all: [Command]) -> String {
        ManualTable.table(
            ["Command", "Does"],
            all.map { ["[`weir \($0.path)`](\($0.page))", $0.abstract ?? ""] }
        )
    }

    static func properties(_ effect: TableProperty.Effect) -> String {
        let found = TableProperties.all.filter { $0.effect == effect }
        if effect == .format {
            return ManualTable.table(["Property", "Meaning"], found.map { ["`\($0.name)`", $0.text] })
        }
        return ManualTable.table(
            ["Property", "Values", "Default", "Meaning"],
            found.map { property in
                let text = property.text + (property.isFixed ? " Cannot be changed later." : "")
                return ["`\(property.name)`", property.values.description, property.fallback ?? "", text]
            }
        )
    }

    static func keys(_ block: TopologyKeys) -> String {
        ManualTable.table(
            ["Key", "Values", "Default", "Meaning"],
            block.keys.map { key in
                ["`\(key.name)`", key.values, key.fallback ?? (key.isRequired ? "required" : ""), key.text]
            }
        )
    }
}
