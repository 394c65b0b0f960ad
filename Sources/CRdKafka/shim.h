#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

// Swift cannot call variadic functions. A null key or value means none; a timestamp of 0 means now.
static inline rd_kafka_resp_err_t weir_kafka_produce(
    rd_kafka_t *client,
    rd_kafka_topic_t *topic,
    int32_t partition,
    int64_t timestamp,
    const void *key,
    size_t key_count,
    const void *value,
    size_t value_count,
    void *opaque
) {
    return rd_kafka_producev(
        client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_TIMESTAMP(timestamp), RD_KAFKA_V_KEY(key, key_count),
        RD_KAFKA_V_VALUE((void *)value, value_count), RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END
    );
}
