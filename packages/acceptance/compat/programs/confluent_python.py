"""confluent-kafka (librdkafka), 1.7 (Debian) to the newest, behind the line protocol."""

import os
import threading
import time
import uuid
from concurrent.futures import Future

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from line_server import data, serve, text

CONSUME_TIMEOUT_S = 30

state = {}


def record_of(message):
    return {
        "partition": message.partition(),
        "offset": message.offset(),
        "key": text(message.key()),
        "value": text(message.value()),
        "headers": [[name, text(value)] for name, value in message.headers() or []],
    }


def open_(bootstrap):
    state["bootstrap"] = bootstrap


def create_topic(topic, partitionCount):
    admin = AdminClient({"bootstrap.servers": state["bootstrap"]})
    for future in admin.create_topics([NewTopic(topic, partitionCount, 1)]).values():
        future.result(30)


def produce(topic, records, codec, idempotent):
    producer = Producer(
        {
            "bootstrap.servers": state["bootstrap"],
            "acks": "all",
            "compression.codec": codec,
            "enable.idempotence": idempotent,
            "partitioner": "murmur2_random",
            "message.max.bytes": 4_000_000,
        }
    )
    failures = []

    def reported(error, _message):
        if error is not None:
            failures.append(str(error))

    for record in records:
        headers = [(name, data(value)) for name, value in record["headers"]]
        producer.produce(
            topic, key=data(record["key"]), value=data(record["value"]), headers=headers, on_delivery=reported
        )
    left = producer.flush(30)
    if left or failures:
        raise RuntimeError(f"{left} undelivered, {failures[:3]}")


def consume(topic, partitionCount, count):
    consumer = Consumer(
        {
            "bootstrap.servers": state["bootstrap"],
            "group.id": f"reader-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    try:
        consumer.assign([TopicPartition(topic, index, 0) for index in range(partitionCount)])
        records = []
        deadline = time.monotonic() + CONSUME_TIMEOUT_S
        while len(records) < count and time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is None:
                continue
            if message.error():
                raise RuntimeError(str(message.error()))
            records.append(record_of(message))
        return records
    finally:
        consumer.close()


class Member(threading.Thread):
    """Polls on a thread of its own."""

    def __init__(self, group, topic):
        super().__init__(daemon=True)
        self.consumer = Consumer(
            {
                "bootstrap.servers": state["bootstrap"],
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": 6000,
                "heartbeat.interval.ms": 500,
            }
        )
        self.topic = topic
        self.seen = []
        self.assigned = None
        self.stop = threading.Event()
        self.wish = None

    def run(self):
        def on_assign(_consumer, partitions):
            self.assigned = sorted(partition.partition for partition in partitions)

        def on_revoke(_consumer, _partitions):
            self.assigned = None

        self.consumer.subscribe([self.topic], on_assign=on_assign, on_revoke=on_revoke)
        while not self.stop.is_set():
            message = self.consumer.poll(0.2)
            if message is not None and not message.error():
                self.seen.append(record_of(message))
            if self.wish is not None:
                wish, self.wish = self.wish, None
                try:
                    self.commit_seen()
                    wish.set_result(None)
                except Exception as error:
                    wish.set_exception(error)
        self.consumer.close()

    def commit(self):
        self.wish = Future()
        wish = self.wish
        wish.result(30)

    def commit_seen(self):
        following = {}
        for record in self.seen:
            following[record["partition"]] = max(following.get(record["partition"], 0), record["offset"] + 1)
        offsets = [TopicPartition(self.topic, partition, offset) for partition, offset in following.items()]
        for partition in self.consumer.commit(offsets=offsets, asynchronous=False):
            if partition.error:
                raise RuntimeError(str(partition.error))

    def leave(self):
        self.stop.set()
        self.join(30)


def join(group, topic):
    state["member"] = Member(group, topic)
    state["member"].start()


serve(
    {
        "open": open_,
        "createTopic": create_topic,
        "produce": produce,
        "consume": consume,
        "join": join,
        "assigned": lambda: state["member"].assigned,
        "consumed": lambda: list(state["member"].seen),
        "commit": lambda topic: state["member"].commit(),
        "leave": lambda: state["member"].leave(),
    }
)
os._exit(0)
