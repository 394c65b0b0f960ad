import Bytes
import Testing
import WeirTesting

struct HexTests {
    @Test
    func `bytes come back from text of either case`() {
        let bytes = (0...255).map { UInt8($0) }
        let text = Hex.encode(bytes)
        #expect(text.hasPrefix("000102") && text.hasSuffix("fdfeff"))
        #expect(Hex.decode(text) == bytes)
        #expect(Hex.decode(text.uppercased()) == bytes)
        #expect(Hex.decode("") == [])
    }

    @Test(arguments: ["0", "0g", "zz", " 00", "é0", "0x00 "])
    func `other text is refused`(_ text: String) { #expect(Hex.decode(text) == nil) }
}

struct CountTextTests {
    @Test
    func `one is singular, and every other number plural`() {
        #expect(CountText.of(1, "column") == "1 column" && CountText.of(2, "column") == "2 columns")
        #expect(CountText.of(0, "byte") == "0 bytes" && CountText.of(-1, "byte") == "-1 bytes")
        #expect(CountText.of(1, "entry", "entries") == "1 entry" && CountText.of(3, "entry", "entries") == "3 entries")
        #expect(CountText.of(Int64.min) == "-9,223,372,036,854,775,808" && CountText.of(UInt8(7)) == "7")
        #expect(CountText.of(1_234_567, "row") == "1,234,567 rows")
    }
}

struct NearestNameTests {
    @Test
    func `a misspelt name finds its neighbour`() {
        let known = ["source", "sink", "route", "transform", "pipeline"]
        #expect(NearestName.nearest(to: "soruce", among: known) == "source")
        #expect(NearestName.nearest(to: "Sink", among: known) == "sink")
        #expect(NearestName.nearest(to: "pipelines", among: known) == "pipeline")
        #expect(NearestName.nearest(to: "warehouse", among: known) == nil)
        #expect(NearestName.nearest(to: "x", among: []) == nil)
    }

    @Test
    func `advice names the neighbour or lists what is known`() {
        #expect(NearestName.advice(for: "tansform", among: ["transform"]) == "did you mean 'transform'?")
        #expect(NearestName.advice(for: "warehouse", among: ["b", "a"]) == "known are a, b")
        #expect(NearestName.advice(for: "warehouse", among: []) == nil)
        let many = (0..<20).map { "option-\($0)" }
        #expect(NearestName.advice(for: "q", among: many)?.hasSuffix("…") == true)
    }
}
