import Bytes
import CRdKafka
import EventLog
import Foundation

/// librdkafka's list of partitions with an offset and a text each.
final class KafkaPartitionList: @unchecked Sendable {
    // Used by one thread at a time.
    let raw: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(_ partitions: [TopicPartition] = [], offset: Int64 = Int64(RD_KAFKA_OFFSET_INVALID)) {
        raw = rd_kafka_topic_partition_list_new(Int32(partitions.count))
        for partition in partitions { add(partition.topic, partition.partition, offset: offset) }
    }

    deinit { rd_kafka_topic_partition_list_destroy(raw) }

    var elements: UnsafeMutableBufferPointer<rd_kafka_topic_partition_t> {
        UnsafeMutableBufferPointer(start: raw.pointee.elems, count: Int(raw.pointee.cnt))
    }
    var partitions: [TopicPartition] { Self.partitions(raw) }

    static func partitions(_ list: UnsafePointer<rd_kafka_topic_partition_list_t>) -> [TopicPartition] {
        (0..<Int(list.pointee.cnt)).map { index in
            let element = list.pointee.elems[index]
            return TopicPartition(topic: String(cString: element.topic), partition: Int(element.partition))
        }
    }

    /// `metadata` is kept with the offset when it is committed.
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
