import Bytes
import CRdKafka
import ChangeEvents
import EventLog
import Foundation

/// librdkafka's list of partitions, each with an offset and a metadata text.
final class KafkaPartitionList: @unchecked Sendable {
    // Used by one thread at a time.
    private let raw: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(_ partitions: [TopicPartition] = [], offset: Int64 = Int64(RD_KAFKA_OFFSET_INVALID)) {
        raw = rd_kafka_topic_partition_list_new(Int32(partitions.count))
        for partition in partitions { add(partition.topic, partition.partition, offset: offset) }
    }

    deinit { rd_kafka_topic_partition_list_destroy(raw) }

    /// Calls librdkafka with the list; the pointer must not outlive the call.
    func with<Result>(_ call: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) -> Result) -> Result {
        withExtendedLifetime(self) { call(raw) }
    }

    /// The first partition's offset (negative for none) and its metadata text.
    var first: (offset: Int64, metadata: String?) {
        with { list in
            guard list.pointee.cnt > 0 else { return (Int64(RD_KAFKA_OFFSET_INVALID), nil) }
            let element = list.pointee.elems[0]
            let text = element.metadata.map {
                String(decoding: UnsafeRawBufferPointer(start: $0, count: element.metadata_size), as: UTF8.self)
            }
            return (element.offset, text)
        }
    }

    /// The first error of a single partition, after a call that succeeded as a whole.
    var failure: rd_kafka_resp_err_t {
        with { list in
            (0..<Int(list.pointee.cnt)).lazy.map { list.pointee.elems[$0].err }
                .first { $0 != RD_KAFKA_RESP_ERR_NO_ERROR } ?? RD_KAFKA_RESP_ERR_NO_ERROR
        }
    }

    /// Every partition with its offset.
    var offsets: [(partition: TopicPartition, offset: Int64)] {
        with { list in
            (0..<Int(list.pointee.cnt)).map { index in
                let element = list.pointee.elems[index]
                let partition = TopicPartition(topic: String(cString: element.topic), partition: Int(element.partition))
                return (partition, element.offset)
            }
        }
    }

    static func partitions(_ list: UnsafePointer<rd_kafka_topic_partition_list_t>) -> [TopicPartition] {
        (0..<Int(list.pointee.cnt)).map { index in
            let element = list.pointee.elems[index]
            return TopicPartition(topic: String(cString: element.topic), partition: Int(element.partition))
        }
    }

    /// `metadata` is stored with the offset when it is committed.
    func add(_ topic: String, _ partition: Int, offset: Int64, metadata: String? = nil) {
        guard let element = rd_kafka_topic_partition_list_add(raw, topic, Int32(partition)) else { return }
        element.pointee.offset = offset
        guard let metadata else { return }
        // The list frees it.
        let bytes = Array(metadata.utf8)
        guard let memory = malloc(bytes.count + 1) else { return }
        bytes.withUnsafeBytes {
            memory.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory), byteCount: $0.count)
        }
        memory.storeBytes(of: 0, toByteOffset: bytes.count, as: UInt8.self)
        element.pointee.metadata = memory
        element.pointee.metadata_size = bytes.count
    }
}
