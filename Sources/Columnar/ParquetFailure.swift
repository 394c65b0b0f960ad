import Bytes
import CArrowShim

extension WeirError {
    /// Converts the shim's failure to an error of this file, or returns the error of the storage callback.
    init(_ failure: weir_arrow_error, callback: WeirError?, file: String?) {
        if failure.code == WEIR_ARROW_CALLBACK, let callback {
            self = callback
            return
        }
        let message = failure.text
        switch Int(failure.code) {
        case Int(WEIR_ARROW_CORRUPT):
            self.init(
                .corrupt,
                "the Parquet file is damaged or no Parquet file: \(message)",
                at: file,
                advice: "restore it from a copy; states without the file can be read with --snapshot"
            )
        case Int(WEIR_ARROW_UNSUPPORTED): self.init(.unsupported, "Parquet: \(message)", at: file)
        case Int(WEIR_ARROW_MEMORY): self.init(.storage, "Parquet: not enough memory: \(message)", at: file)
        default: self.init(.invalid, "Parquet: \(message)", at: file)
        }
    }
}

extension weir_arrow_error {
    /// Arrow's error message.
    var text: String {
        withUnsafeBytes(of: message) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

/// Runs one call of the shim and turns its code into an error.
func callShim(
    callback: () -> WeirError?,
    file: String?,
    _ call: (UnsafeMutablePointer<weir_arrow_error>) -> Int32
) throws(WeirError) {
    var failure = weir_arrow_error()
    guard call(&failure) != WEIR_ARROW_OK else { return }
    throw WeirError(failure, callback: callback(), file: file)
}
