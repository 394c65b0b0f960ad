import Bytes
import Testing

@testable import WeirCommands

/// The topic, key and value of a line; nil for null.
private func parts(_ line: String) throws -> [String?] {
    var parser = EnvelopeParser()
    let envelope = try Array(line.utf8).withUnsafeBytes { try parser.parse($0) }
    var parts: [String?] = []
    for part in [envelope.topic, envelope.key, envelope.value] {
        parts.append(parser.bytes(part).map { String(decoding: $0, as: UTF8.self) })
    }
    return parts
}

@Test func `reads topic, key and value in any order`() throws {
    #expect(try parts(#"{"topic":"t","key":"k","value":"v"}"#) == ["t", "k", "v"])
    #expect(try parts(#" { "value" : "v" , "offset" : 12, "topic" : "t" } "#) == ["t", nil, "v"])
    #expect(try parts(#"{"topic":"t","key":"k","value":null}"#) == ["t", "k", nil])
}

@Test func `unescapes texts`() throws {
    #expect(
        try parts(#"{"topic":"t","key":"","value":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é"}"#)
            == ["t", "", "a\"\\/\u{8}\u{c}\n\r\té😀é"]
    )
}

@Test func `an object as key or value stands for its own text`() throws {
    let line = #"{"topic":"t","key":{"id":1},"value":{"a":[1,"}"],"b":{"c":"\""}} }"#
    #expect(try parts(line) == ["t", #"{"id":1}"#, #"{"a":[1,"}"],"b":{"c":"\""}}"#])
}

@Test(
    arguments: [
        "", "x", "[]", "{", #"{"topic":"t"}"#, #"{"value":"v"}"#, #"{"topic":1,"value":"v"}"#,
        #"{"topic":"t","value":"v"} x"#, #"{"topic":"t","value":"v""#, #"{"topic":"t","value":"v\"#,
        #"{"topic":"t","value":"\q"}"#, #"{"topic":"t","value":"\ud800"}"#, #"{"topic":"t","value":"\u12"}"#,
        #"{"topic":"t","value":}"#, #"{"topic":"t","value":{"a":1}"#, #"{"topic":"t" "value":"v"}"#, #"{topic:"t"}"#,
    ]
)
func `refuses what is no envelope`(_ line: String) {
    #expect(throws: WeirError.self) { try parts(line) }
}
