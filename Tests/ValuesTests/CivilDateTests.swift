import Testing
import Values

struct CivilDateTests {
    @Test(arguments: [
        (0, 1970, 1, 1), (-1, 1969, 12, 31), (19_848, 2024, 5, 5), (-719_528, 0, 1, 1), (-719_529, -1, 12, 31),
        (2_932_897, 10_000, 1, 1), (11_016, 2000, 2, 29),
    ])
    func `a day number and its date are each other's inverse`(days: Int, year: Int, month: Int, day: Int) throws {
        let date = CivilDate(daysSinceEpoch: days)
        #expect((date.year, date.month, date.day) == (year, month, day))
        #expect(try #require(CivilDate(year: year, month: month, day: day)).daysSinceEpoch == days)
    }

    @Test func `every 32-bit day has a date`() {
        for days in [Int(Int32.min), Int(Int32.max)] {
            #expect(CivilDate(daysSinceEpoch: days).daysSinceEpoch == days)
        }
    }

    @Test(arguments: [(2023, 2, 29), (1900, 2, 29), (2024, 4, 31), (2024, 13, 1), (2024, 0, 1), (2024, 1, 0)])
    func `days that do not exist have no date`(year: Int, month: Int, day: Int) {
        #expect(CivilDate(year: year, month: month, day: day) == nil)
    }
}
