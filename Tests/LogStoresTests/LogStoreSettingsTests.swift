import Bytes
import Testing

@testable import LogStores

/// Table properties and their errors.
struct LogStoreSettingsTests {
    private static let enabled = [
        "log-store.enabled": "true", "log-store.address": "broker:9092", "log-store.topic": "orders",
    ]

    @Test func defaultsAreTheFormats() throws {
        let settings = try LogStoreSettings([:], isKeyed: true)
        #expect(!settings.isEnabled && settings.kind == .kafka && settings.format == .json && settings.isConsistent)
    }

    @Test func everythingIsTakenFromTheProperties() throws {
        let properties = Self.enabled.merging([
            "log-store.type": "FILE", "log-store.data-format": "columnar", "log-store.data-version": "v1",
            "log-store.consistency-guarantee.enable": "true", "properties.acks": "all", "write.format": "parquet",
        ]) { $1 }
        let settings = try LogStoreSettings(properties, isKeyed: false)
        #expect(settings.isEnabled && settings.kind == .file && settings.format == .columnar && settings.isConsistent)
        #expect(settings.address == "broker:9092" && settings.topic == "orders" && settings.client == ["acks": "all"])
        let newer = properties.merging(["log-store.consistency-guarantee.enabled": "false"]) { $1 }
        #expect(try !LogStoreSettings(newer, isKeyed: true).isConsistent)
    }

    @Test(arguments: [
        ("log-store.enabled", "yes", "true, false"), ("log-store.type", "pulsar", "kafka, file"),
        ("log-store.data-format", "avro", "json, columnar"),
        ("log-store.consistency-guarantee.enabled", "1", "true, false"), ("log-store.topic", "", "set log-store.topic"),
    ])
    func wrongValuesAreNamed(name: String, value: String, allowed: String) {
        let properties = Self.enabled.merging([name: value]) { $1 }
        #expect { try LogStoreSettings(properties, isKeyed: true) } throws: { error in
            (error as? WeirError)?.code == .invalid && "\(error)".contains(name) && "\(error)".contains(allowed)
        }
    }

    private func mode(_ text: String?, hasLogStore: Bool, gap: String? = nil) throws(WeirError) -> EmitMode {
        var properties: [String: String] = [:]
        properties["mixed-format.emit.mode"] = text
        properties["mixed-format.emit.auto-write-to-logstore.watermark-gap"] = gap
        return try EmitMode(properties, hasLogStore: hasLogStore)
    }

    @Test func emitModesSayWhatIsWritten() throws {
        for (text, hasLogStore, files, log) in [
            (nil, true, true, true), (nil, false, true, false), ("auto", true, true, true),
            ("auto", false, true, false),
            ("file", true, true, false), ("log", true, false, true), ("file,log", true, true, true),
            ("log, FILE", true, true, true),
        ] as [(String?, Bool, Bool, Bool)] {
            let mode = try mode(text, hasLogStore: hasLogStore)
            #expect(mode.writesFiles == files && mode.writesLog == log, "\(text ?? "unset")")
        }
        for text in ["", "auto,file", "file,file", "log,", "kafka"] {
            #expect { try mode(text, hasLogStore: true) } throws: { "\($0)".contains("mixed-format.emit.mode is") }
        }
        for text in ["log", "file,log"] {
            #expect { try mode(text, hasLogStore: false) } throws: { "\($0)".contains("log-store.enabled") }
        }
    }

    @Test func gapsAreDurations() throws {
        for (text, milliseconds) in [
            ("60000", 60_000), ("5 min", 300_000), ("30s", 30_000), ("1 h", 3_600_000), ("2 days", 172_800_000),
        ] as [(String, Int64)] {
            #expect(try mode("auto", hasLogStore: true, gap: text).watermarkGap == milliseconds, "\(text)")
        }
        #expect(try mode("auto", hasLogStore: true).watermarkGap == nil)
        #expect(try mode("file,log", hasLogStore: true, gap: "5 min").watermarkGap == nil)
        for text in ["", "soon", "-1 s", "5 fortnights", "99999999999999 d"] {
            #expect { try mode("auto", hasLogStore: true, gap: text) } throws: { "\($0)".contains("watermark-gap") }
        }
    }
}
