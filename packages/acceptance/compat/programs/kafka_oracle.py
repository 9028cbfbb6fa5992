"""librdkafka as the judge of what a Kafka consumer sees, and as a transactional writer, behind the line protocol."""

import os
import time
import uuid

from confluent_kafka import Consumer, IsolationLevel, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from line_server import data, serve, text

TIMEOUT_S = 60
#: Longer than any check holds a transaction open, and below what brokers allow.
TRANSACTION_TIMEOUT_MS = 600_000

state = {}
writers = {}


def open_(bootstrap):
    state["bootstrap"] = bootstrap
    state["admin"] = AdminClient({"bootstrap.servers": bootstrap})


def consumer_of(isolation, group=None):
    return Consumer(
        {
            "bootstrap.servers": state["bootstrap"],
            "group.id": group or f"oracle-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": isolation,
            "auto.offset.reset": "error",
        }
    )


def listed(topic, partition, spec, isolation):
    level = IsolationLevel.READ_COMMITTED if isolation == "read_committed" else IsolationLevel.READ_UNCOMMITTED
    asked = {TopicPartition(topic, partition): spec}
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        (future,) = state["admin"].list_offsets(asked, isolation_level=level, request_timeout=TIMEOUT_S).values()
        try:
            return future.result(TIMEOUT_S).offset
        except KafkaException:
            # A leader that is being elected is no answer.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def bounds(topic, partition, isolation):
    """Where a consumer's seek_to_beginning and seek_to_end lead."""
    return {
        "start": listed(topic, partition, OffsetSpec.earliest(), isolation),
        "end": listed(topic, partition, OffsetSpec.latest(), isolation),
    }


def for_time(topic, partition, isolation, timestampMs):
    """offsetsForTimes: the first offset at or after a time, -1 for none below the end of the isolation."""
    return listed(topic, partition, OffsetSpec.for_timestamp(timestampMs), isolation)


def read(topic, partition, isolation):
    """Everything a consumer is given from the beginning to the end of its isolation."""
    consumer = consumer_of(isolation)
    records = []
    try:
        start = listed(topic, partition, OffsetSpec.earliest(), isolation)
        consumer.assign([TopicPartition(topic, partition, start)])
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is None:
                continue
            if message.error():
                if message.error().name() == "_PARTITION_EOF":
                    return records
                raise RuntimeError(str(message.error()))
            records.append(
                {
                    "offset": message.offset(),
                    "timestampMs": message.timestamp()[1],
                    "key": text(message.key()),
                    "value": text(message.value()),
                    "headers": [[name, text(value)] for name, value in message.headers() or []],
                }
            )
        raise RuntimeError(f"no end of {topic}-{partition} in {TIMEOUT_S} s")
    finally:
        consumer.close()


def committed(topic, partition, group):
    consumer = consumer_of("read_uncommitted", group)
    try:
        (found,) = consumer.committed([TopicPartition(topic, partition)], timeout=TIMEOUT_S)
        return found.offset if found.offset >= 0 else -1
    finally:
        consumer.close()


def begin(name):
    """Begins a transaction of the writer of that name."""
    if name not in writers:
        writers[name] = Producer(
            {
                "bootstrap.servers": state["bootstrap"],
                "transactional.id": name,
                "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
            }
        )
        writers[name].init_transactions(TIMEOUT_S)
    writers[name].begin_transaction()


def write(name, topic, partition, records):
    """Appends to the transaction; all are in the log when this returns."""
    writer = writers[name]
    for record in records:
        writer.produce(
            topic,
            partition=partition,
            key=data(record["key"]),
            value=data(record["value"]),
            timestamp=record["timestampMs"],
        )
    if writer.flush(TIMEOUT_S):
        raise RuntimeError("not all was delivered")


def end(name, isCommitted):
    if isCommitted:
        writers[name].commit_transaction(TIMEOUT_S)
    else:
        writers[name].abort_transaction(TIMEOUT_S)


def join(topic, group):
    """A member of a group, until the program ends."""
    member = Consumer(
        {"bootstrap.servers": state["bootstrap"], "group.id": group, "enable.auto.commit": False}
    )
    member.subscribe([topic])
    deadline = time.monotonic() + TIMEOUT_S
    while not member.assignment():
        if time.monotonic() > deadline:
            raise RuntimeError("no assignment")
        member.poll(0.2)
    state["member"] = member


serve(
    {
        "open": open_,
        "bounds": bounds,
        "forTime": for_time,
        "read": read,
        "committed": committed,
        "begin": begin,
        "write": write,
        "end": end,
        "join": join,
    }
)
os._exit(0)
