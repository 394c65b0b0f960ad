import Columnar
import Testing

@testable import IcebergFormat

@Suite struct TransformTests {
    /// Spec appendix B.
    @Test func `bucket hashes are those of the specification`() {
        #expect(Transform.bucketHash(.int(34)) == 2_017_239_379)
        #expect(Transform.bucketHash(.long(34)) == 2_017_239_379)
        #expect(Transform.bucketHash(.decimal(1420, scale: 2)) == -500_754_589)
        #expect(Transform.bucketHash(.date(17486)) == -653_330_422)
        #expect(Transform.bucketHash(.time(81_068_000_000)) == -662_762_989)
        #expect(Transform.bucketHash(.timestamp(1_510_871_468_000_000)) == -2_047_944_441)
        #expect(Transform.bucketHash(.timestamptz(1_510_871_468_000_001)) == -1_207_196_810)
        #expect(Transform.bucketHash(.string("iceberg")) == 1_210_000_089)
        #expect(Transform.bucketHash(.uuid(0xf79c_3e09_677c_4bbd_a479_3f34_9cb7_85e7)) == 1_488_055_340)
        #expect(Transform.bucketHash(.fixed([0, 1, 2, 3])) == -188_683_207)
        #expect(Transform.bucketHash(.binary([0, 1, 2, 3])) == -188_683_207)
    }
}
