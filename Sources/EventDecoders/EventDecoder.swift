import Bytes
import EventLog

/// Turns the raw records of one source into changes of its source tables, reading each record once.
///
/// What a record is made of reaches the decoder through the batch: value, key, timestamp, and headers where the log keeps
/// them (`RawBatch.headers`). A decoder keeps what it learns of a source (names, units, schemas) from batch to batch, and
/// is used by one thread at a time.
public protocol EventDecoder: AnyObject {
    /// Decodes every record of a batch of one partition. A record that cannot be decoded is rejected alone; errors are for
    /// what no record is to blame for.
    func decode(_ raw: RawBatch) throws(WeirError) -> DecodedBatch
}
