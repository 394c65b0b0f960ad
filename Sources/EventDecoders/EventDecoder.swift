import Bytes
import EventLog

/// Decodes the raw records of one source into changes of its source tables, reading each record once.
///
/// The batch provides each record's value, key and timestamp, and headers where the log keeps them
/// (`RawBatch.headers`). A decoder keeps what it learns about a source (names, units, schemas) between batches.
/// Decoders are not thread-safe.
public protocol EventDecoder: AnyObject {
    /// Decodes every record of a batch of one partition. A record that cannot be decoded is rejected individually;
    /// errors are thrown only for problems that are not caused by a single record.
    func decode(_ raw: RawBatch) throws(WeirError) -> DecodedBatch
}
