import Columnar
import Expressions
import Testing

/// Decimal arithmetic compared with results of unlimited precision: type, then value, nil where it does not fit.
@Suite struct WideDecimalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let precision: Int
        let scale: Int
        let value: String?
        var testDescription: String { text }

        init(_ text: String, _ precision: Int, _ scale: Int, _ value: String?) {
            self.text = text
            self.precision = precision
            self.scale = scale
            self.value = value
        }
    }

    static let cases = [
        Case(
            "CAST('-0.001' AS DECIMAL(5,3)) * CAST('-8219887503083331341220939749.3' AS DECIMAL(30,1))",
            35,
            4,
            "8219887503083331341220939.7493"
        ),
        Case(
            "CAST('-99999999999999999.9999999999999' AS DECIMAL(30,13)) + CAST('-0.0000000000000000000000000000000009455' AS DECIMAL(38,37))",
            38,
            20,
            "-99999999999999999.99999999999990000000"
        ),
        Case(
            "CAST('-9' AS DECIMAL(1,0)) - CAST('0.00000000000108061' AS DECIMAL(18,17))",
            19,
            17,
            "-9.00000000000108061"
        ),
        Case("CAST('9' AS DECIMAL(1,0)) * CAST('40710.4716530736' AS DECIMAL(19,10))", 20, 10, "366394.2448776624"),
        Case("CAST('-0.5' AS DECIMAL(1,1)) - CAST('-2' AS DECIMAL(1,0))", 3, 1, "1.5"),
        Case("CAST('78.2' AS DECIMAL(19,1)) / CAST('51.08727654794355140663' AS DECIMAL(38,20))", 38, 6, "1.530714"),
        Case(
            "CAST('-473886551371556917.9426832021540538635' AS DECIMAL(38,19)) + CAST('0.0000000000000000000059' AS DECIMAL(38,22))",
            38,
            18,
            "-473886551371556917.942683202154053863"
        ),
        Case(
            "CAST('-2' AS DECIMAL(1,0)) / CAST('0.0000000000000000000000000174447' AS DECIMAL(38,31))",
            38,
            6,
            "-114648001971945633917464903.380396"
        ),
        Case(
            "CAST('-505693228.200081016915523272432971072' AS DECIMAL(38,27)) - CAST('8.4' AS DECIMAL(5,1))",
            38,
            26,
            "-505693236.60008101691552327243297107"
        ),
        Case(
            "CAST('999.99' AS DECIMAL(5,2)) % CAST('0.000000021273393600' AS DECIMAL(30,18))",
            21,
            18,
            "0.000000012493598400"
        ),
        Case("CAST('-697039321163798425731432716.435' AS DECIMAL(38,3)) % CAST('0.0' AS DECIMAL(1,1))", 3, 3, nil),
        Case("CAST('-99999' AS DECIMAL(5,0)) / CAST('-0.0005' AS DECIMAL(5,4))", 15, 6, "199998000.000000"),
        Case(
            "CAST('-0.000000083153' AS DECIMAL(30,12)) - CAST('0.000000000001889' AS DECIMAL(18,15))",
            34,
            15,
            "-0.000000083154889"
        ),
        Case(
            "CAST('-9999.999999999999999' AS DECIMAL(19,15)) / CAST('999.999999999999999' AS DECIMAL(18,15))",
            38,
            19,
            "-10.0000000000000000090"
        ),
        Case(
            "CAST('-3117786731259.2195' AS DECIMAL(18,4)) % CAST('-528470107083.01848' AS DECIMAL(38,5))",
            19,
            5,
            "-475436195844.12710"
        ),
        Case(
            "CAST('-77503777.24659338043753125' AS DECIMAL(30,17)) - CAST('0.000033204409333' AS DECIMAL(30,15))",
            33,
            17,
            "-77503777.24662658484686425"
        ),
        Case(
            "CAST('886684.091209' AS DECIMAL(18,6)) / CAST('-137113.00' AS DECIMAL(18,2))",
            38,
            24,
            "-6.466812710749527761773136"
        ),
        Case(
            "CAST('-0.0000000000000000007' AS DECIMAL(19,19)) - CAST('521.48384' AS DECIMAL(38,5))",
            38,
            6,
            "-521.483840"
        ),
        Case(
            "CAST('0.088' AS DECIMAL(5,3)) / CAST('-0.02989979519569' AS DECIMAL(19,14))",
            38,
            22,
            "-2.9431639723299856154447"
        ),
        Case("CAST('-280866959840.4242' AS DECIMAL(19,4)) % CAST('-6' AS DECIMAL(1,0))", 5, 4, "-2.4242"),
        Case(
            "CAST('0.4' AS DECIMAL(1,1)) - CAST('9999999999.99999999' AS DECIMAL(18,8))",
            19,
            8,
            "-9999999999.59999999"
        ),
        Case(
            "CAST('0.018844970029682869' AS DECIMAL(19,18)) * CAST('0.9' AS DECIMAL(1,1))",
            20,
            19,
            "0.0169604730267145821"
        ),
        Case(
            "CAST('-99.999' AS DECIMAL(5,3)) - CAST('99999.999999999999999999999999999999999' AS DECIMAL(38,33))",
            38,
            32,
            "-100099.99900000000000000000000000000000"
        ),
        Case(
            "CAST('0.01' AS DECIMAL(5,2)) - CAST('9502651203331793051022602.0032' AS DECIMAL(38,4))",
            38,
            4,
            "-9502651203331793051022601.9932"
        ),
        Case(
            "CAST('0.000000000000000000000093847435' AS DECIMAL(30,30)) / CAST('-9.99999999999999999' AS DECIMAL(18,17))",
            38,
            21,
            "0.000000000000000000000"
        ),
        Case(
            "CAST('9999999999999999.99' AS DECIMAL(18,2)) / CAST('-157.2745251' AS DECIMAL(38,7))",
            38,
            15,
            "-63583088193346.577716037242703"
        ),
        Case(
            "CAST('-0.00006' AS DECIMAL(5,5)) / CAST('0.00058868211393' AS DECIMAL(38,14))",
            38,
            24,
            "-0.101922580252089297582509"
        ),
        Case(
            "CAST('0.000000000000000000000000000115' AS DECIMAL(30,30)) * CAST('9' AS DECIMAL(1,0))",
            31,
            30,
            "0.000000000000000000000000001035"
        ),
        Case(
            "CAST('51222793127121146225.66013751' AS DECIMAL(38,8)) * CAST('-999999999999.999999999999999999' AS DECIMAL(30,18))",
            38,
            6,
            "-51222793127121146225660137509948.777207"
        ),
        Case(
            "CAST('99999999999999999.9999999999999' AS DECIMAL(30,13)) * CAST('0' AS DECIMAL(1,0))",
            31,
            13,
            "0.0000000000000"
        ),
        Case(
            "CAST('0.000000000000000004864735' AS DECIMAL(30,24)) * CAST('-9999999.99999999999' AS DECIMAL(18,11))",
            38,
            25,
            "-0.0000000000486473500000000"
        ),
        Case(
            "CAST('-35406149059.209680' AS DECIMAL(30,6)) % CAST('-63849.082949833529201903729148689' AS DECIMAL(38,27))",
            38,
            27,
            "-44789.204392718726728882635786208"
        ),
        Case(
            "CAST('-0.00010' AS DECIMAL(19,5)) * CAST('-0.000000000002571733700' AS DECIMAL(30,21))",
            38,
            15,
            "0.000000000000000"
        ),
        Case(
            "CAST('-99999' AS DECIMAL(5,0)) * CAST('-1636.635964108843' AS DECIMAL(38,12))",
            38,
            7,
            "163661959.7749202"
        ),
        Case("CAST('511926.6651322264' AS DECIMAL(19,10)) % CAST('0.8' AS DECIMAL(1,1))", 10, 10, "0.2651322264"),
        Case(
            "CAST('9.9999999999999999999999999999999999999' AS DECIMAL(38,37)) + CAST('-0.9' AS DECIMAL(1,1))",
            38,
            36,
            "9.100000000000000000000000000000000000"
        ),
        Case(
            "CAST('-81678888019696296.097211328156749' AS DECIMAL(38,15)) % CAST('3048780804512927426910.50' AS DECIMAL(30,2))",
            38,
            15,
            "-81678888019696296.097211328156749"
        ),
        Case("CAST('546454631.615' AS DECIMAL(18,3)) % CAST('7' AS DECIMAL(1,0))", 4, 3, "2.615"),
        Case(
            "CAST('0.00000' AS DECIMAL(5,5)) % CAST('0.000000000000000000084474' AS DECIMAL(30,24))",
            24,
            24,
            "0.000000000000000000000000"
        ),
        Case(
            "CAST('-679.7' AS DECIMAL(5,1)) % CAST('4655215240.6773837054562141' AS DECIMAL(38,16))",
            20,
            16,
            "-679.7000000000000000"
        ),
        Case(
            "CAST('0.00009' AS DECIMAL(5,5)) + CAST('0.00000000060798761' AS DECIMAL(19,17))",
            20,
            17,
            "0.00009000060798761"
        ),
        Case(
            "CAST('-0.05227205479882110288454185' AS DECIMAL(38,26)) + CAST('0.000000752159900662' AS DECIMAL(18,18))",
            38,
            25,
            "-0.0522713026389204408845419"
        ),
        Case(
            "CAST('490667.706772600250125319942' AS DECIMAL(38,21)) + CAST('-0.00000000000000000000000000026898' AS DECIMAL(38,32))",
            38,
            20,
            "490667.70677260025012531994"
        ),
        Case(
            "CAST('-1687156442340713950522545.2316' AS DECIMAL(30,4)) + CAST('6' AS DECIMAL(1,0))",
            31,
            4,
            "-1687156442340713950522539.2316"
        ),
        Case(
            "CAST('-999999999999.99999999999999999999999999' AS DECIMAL(38,26)) + CAST('3' AS DECIMAL(1,0))",
            38,
            25,
            "-999999999997.0000000000000000000000000"
        ),
        Case(
            "CAST('7' AS DECIMAL(1,0)) + CAST('-0.000000061960610885010553' AS DECIMAL(38,24))",
            38,
            23,
            "6.99999993803938911498945"
        ),
        Case(
            "CAST('0.000000000000068' AS DECIMAL(18,15)) + CAST('-999999999999999999999999999999999.99999' AS DECIMAL(38,5))",
            38,
            6,
            nil
        ),
        Case(
            "CAST('97.8' AS DECIMAL(5,1)) * CAST('-99999999999999999999999999999999.999999' AS DECIMAL(38,6))",
            38,
            6,
            nil
        ),
        Case(
            "CAST('-999999999999999999999999.99999999999999' AS DECIMAL(38,14)) / CAST('0.0000000000000000000000003' AS DECIMAL(38,25))",
            38,
            6,
            nil
        ),
        Case(
            "CAST('999999999999999999999999999999999.99999' AS DECIMAL(38,5)) + CAST('11177475100197693167775667.478108831480' AS DECIMAL(38,12))",
            38,
            6,
            nil
        ),
        Case(
            "CAST('-99999999999999999999999999999999999999' AS DECIMAL(38,0)) + CAST('33458331994473815936564706205108.531725' AS DECIMAL(38,6))",
            38,
            6,
            nil
        ),
        Case(
            "CAST('99999999999999999999999999999999999.999' AS DECIMAL(38,3)) * CAST('0.123' AS DECIMAL(5,3))",
            38,
            6,
            nil
        ),
        Case(
            "CAST('-99999999999999999999999999999999999.999' AS DECIMAL(38,3)) - CAST('0.000000000000000094754752117236388507' AS DECIMAL(38,36))",
            38,
            6,
            nil
        ),
        Case(
            "CAST('-9999999999999999999999999999999.9999999' AS DECIMAL(38,7)) / CAST('-0.0000000083583487' AS DECIMAL(19,16))",
            38,
            6,
            nil
        ),
        Case(
            "CAST('-870449.2209649471563274453776418244408' AS DECIMAL(38,31)) / CAST('0.0' AS DECIMAL(1,1))",
            38,
            30,
            nil
        ),
        Case(
            "CAST('-9999999999999999999999999999999999.9999' AS DECIMAL(38,4)) * CAST('99999.99999999999999' AS DECIMAL(19,14))",
            38,
            6,
            nil
        ),
        Case(
            "CAST('-9999999999999999999999999999999999999.9' AS DECIMAL(38,1)) - CAST('-2429050211.597664' AS DECIMAL(19,6))",
            38,
            6,
            nil
        ),
        Case("CAST('-17.278' AS DECIMAL(5,3)) % CAST('0.00' AS DECIMAL(5,2))", 5, 3, nil),
        Case(
            "CAST('99999999999999999999999999999999999999' AS DECIMAL(38,0)) - CAST('-339651150975293.9097' AS DECIMAL(30,4))",
            38,
            4,
            nil
        ),
        Case(
            "CAST('-0.000000000000000000000000005842258436' AS DECIMAL(38,36)) % CAST('0' AS DECIMAL(1,0))",
            37,
            36,
            nil
        ),
    ]

    @Test(arguments: cases)
    func `agrees with unlimited precision`(example: Case) throws {
        let bound = try SQLExpression.parse(example.text).bind(to: samples.schema)
        #expect(bound.type == .decimal(precision: example.precision, scale: example.scale))
        #expect(try value(example.text)?.shown == example.value)
    }
}
