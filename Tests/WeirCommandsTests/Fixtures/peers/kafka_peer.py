"""A Kafka client that is not ours (librdkafka), to write and read topics with.

create TOPIC PARTITIONS
delete TOPIC
widen TOPIC PARTITIONS   adds partitions until there are so many
trim TOPIC PARTITION OFFSET
                         removes the records before the offset
produce TOPIC            lines of standard input: key TAB value; no key without a tab, a tombstone without a value;
                         with --timestamps a time and a tab come first
consume TOPIC            a JSON object for each record; keys and values are base64, or null
committed GROUP TOPIC    a JSON object for each partition that the group has committed an offset of
"""

import argparse
import base64
import json
import os
import sys
import time
import uuid

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic


def create(arguments):
    topic = NewTopic(arguments.topic, arguments.partitions, 1)
    admin = AdminClient({"bootstrap.servers": arguments.servers})
    admin.create_topics([topic])[arguments.topic].result(30)


def delete(arguments):
    admin = AdminClient({"bootstrap.servers": arguments.servers})
    admin.delete_topics([arguments.topic])[arguments.topic].result(30)


def widen(arguments):
    admin = AdminClient({"bootstrap.servers": arguments.servers})
    admin.create_partitions([NewPartitions(arguments.topic, arguments.partitions)])[arguments.topic].result(30)


def trim(arguments):
    admin = AdminClient({"bootstrap.servers": arguments.servers})
    end = TopicPartition(arguments.topic, arguments.partition, arguments.offset)
    for result in admin.delete_records([end]).values():
        result.result(30)


def produce(arguments):
    settings = {"bootstrap.servers": arguments.servers, "acks": "all", "linger.ms": 5}
    is_transaction = arguments.transactional or arguments.abort or arguments.open
    if is_transaction:
        settings["transactional.id"] = f"peer-{uuid.uuid4()}"
    producer = Producer(settings)
    failures = []

    def delivered(error, _):
        if error:
            failures.append(error)

    if is_transaction:
        producer.init_transactions(30)
        producer.begin_transaction()
    where = {} if arguments.partition is None else {"partition": arguments.partition}
    for number, line in enumerate(sys.stdin.buffer.read().splitlines()):
        when = {}
        if arguments.timestamps:
            time_text, _, line = line.partition(b"\t")
            when["timestamp"] = int(time_text)
        if arguments.deal:
            where = {"partition": number}
        key, tab, value = line.partition(b"\t")
        if not tab:
            key, value = None, line
        while True:
            try:
                producer.produce(arguments.topic, value or None, key, on_delivery=delivered, **where, **when)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    left = producer.flush(60)
    if left or failures:
        sys.exit(f"{left} records were not sent, {len(failures)} failed: {failures[:1]}")
    if arguments.open:
        # As a writer that died: nobody ends the transaction.
        os._exit(0)
    if arguments.abort:
        producer.abort_transaction(30)
    elif is_transaction:
        producer.commit_transaction(30)


def consumer(servers, group, **more):
    settings = {
        "bootstrap.servers": servers,
        "group.id": group,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        # Some brokers answer a fetch with the whole log, whatever limit was asked for.
        "receive.message.max.bytes": 1_000_000_000,
    }
    return Consumer(settings | more)


def partitions(reader, topic):
    found = reader.list_topics(topic, 30).topics[topic]
    if found.error:
        sys.exit(f"topic {topic}: {found.error}")
    return sorted(found.partitions)


def encoded(data):
    return None if data is None else base64.b64encode(data).decode()


def consume(arguments):
    isolation = "read_committed" if arguments.read_committed else "read_uncommitted"
    reader = consumer(
        arguments.servers, f"peer-{uuid.uuid4()}", **{"isolation.level": isolation, "enable.partition.eof": True}
    )
    numbers = partitions(reader, arguments.topic)
    reader.assign([TopicPartition(arguments.topic, number, OFFSET_BEGINNING) for number in numbers])
    waiting, count, start = set(numbers), 0, time.monotonic()
    last = start
    # The end that a broker reports may lie before its last records: only silence tells.
    while count != arguments.count:
        if arguments.count is None and not waiting and time.monotonic() - last > arguments.idle:
            break
        if time.monotonic() - start > arguments.timeout:
            sys.exit(f"{count} records of {arguments.topic} after {arguments.timeout} s")
        message = reader.poll(0.1)
        if message is None:
            continue
        if message.error():
            if message.error().code() != KafkaError._PARTITION_EOF:
                sys.exit(f"{arguments.topic}: {message.error()}")
            waiting.discard(message.partition())
            continue
        count, last = count + 1, time.monotonic()
        record = {
            "partition": message.partition(),
            "offset": message.offset(),
            "timestamp": message.timestamp()[1],
            "key": encoded(message.key()),
            "value": encoded(message.value()),
        }
        print(json.dumps(record))
    reader.close()


def committed(arguments):
    reader = consumer(arguments.servers, arguments.group)
    numbers = partitions(reader, arguments.topic)
    for position in reader.committed([TopicPartition(arguments.topic, number) for number in numbers], 30):
        if position.offset >= 0:
            print(json.dumps({"partition": position.partition, "offset": position.offset}))
    reader.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", required=True, help="host:port of the broker")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("create")
    command.add_argument("topic")
    command.add_argument("partitions", type=int)
    command.set_defaults(run=create)
    command = commands.add_parser("delete")
    command.add_argument("topic")
    command.set_defaults(run=delete)
    command = commands.add_parser("widen")
    command.add_argument("topic")
    command.add_argument("partitions", type=int)
    command.set_defaults(run=widen)
    command = commands.add_parser("trim")
    command.add_argument("topic")
    command.add_argument("partition", type=int)
    command.add_argument("offset", type=int)
    command.set_defaults(run=trim)
    command = commands.add_parser("produce")
    command.add_argument("topic")
    command.add_argument("--partition", type=int, help="write all to this one")
    command.add_argument("--deal", action="store_true", help="one record to each partition, from 0 on")
    command.add_argument("--timestamps", action="store_true", help="lines begin with milliseconds since 1970")
    command.add_argument("--transactional", action="store_true", help="in one transaction, which is committed")
    command.add_argument("--abort", action="store_true", help="in one transaction, which is aborted")
    command.add_argument("--open", action="store_true", help="in one transaction, which is left open")
    command.set_defaults(run=produce)
    command = commands.add_parser("consume")
    command.add_argument("topic")
    command.add_argument("--read-committed", action="store_true")
    command.add_argument("--count", type=int, help="stop after so many records, and fail without them")
    command.add_argument("--idle", type=float, default=1, help="otherwise stop after so many seconds without one")
    command.add_argument("--timeout", type=float, default=60, help="fail after so many seconds")
    command.set_defaults(run=consume)
    command = commands.add_parser("committed")
    command.add_argument("group")
    command.add_argument("topic")
    command.set_defaults(run=committed)
    arguments = parser.parse_args()
    arguments.run(arguments)


main()
