"""kafka-python, 2.0 (Debian) to 3.0 (PyPI), behind the line protocol."""

import os
import threading
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.structs import OffsetAndMetadata
from line_server import data, serve, text

CONSUME_TIMEOUT_S = 30

state = {}


def record_of(message):
    return {
        "partition": message.partition,
        "offset": message.offset,
        "key": text(message.key),
        "value": text(message.value),
        "headers": [[name, text(value)] for name, value in message.headers or []],
    }


def open_(bootstrap):
    state["bootstrap"] = bootstrap


def create_topic(topic, partitionCount):
    admin = KafkaAdminClient(bootstrap_servers=state["bootstrap"])
    try:
        admin.create_topics([NewTopic(topic, partitionCount, 1)])
    finally:
        admin.close()


def produce(topic, records, codec, idempotent):
    settings = {"enable_idempotence": True} if idempotent else {}
    producer = KafkaProducer(
        bootstrap_servers=state["bootstrap"],
        acks="all",
        compression_type=None if codec == "none" else codec,
        max_request_size=4_000_000,
        **settings,
    )
    try:
        sent = [
            producer.send(
                topic,
                key=data(record["key"]),
                value=data(record["value"]),
                headers=[(name, data(value)) for name, value in record["headers"]],
            )
            for record in records
        ]
        producer.flush(30)
        for future in sent:
            future.get(timeout=30)
    finally:
        producer.close(5)


def consume(topic, partitionCount, count):
    consumer = KafkaConsumer(bootstrap_servers=state["bootstrap"], auto_offset_reset="earliest")
    try:
        consumer.assign([TopicPartition(topic, index) for index in range(partitionCount)])
        records = []
        deadline = time.monotonic() + CONSUME_TIMEOUT_S
        while len(records) < count and time.monotonic() < deadline:
            for messages in consumer.poll(500).values():
                records += [record_of(message) for message in messages]
        return records
    finally:
        consumer.close()


class Member(threading.Thread):
    """Polls on a thread of its own: the consumer is not made for two."""

    def __init__(self, group, topic):
        super().__init__(daemon=True)
        self.consumer = KafkaConsumer(
            topic,
            bootstrap_servers=state["bootstrap"],
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=6000,
            heartbeat_interval_ms=500,
        )
        self.topic = topic
        self.seen = []
        self.assigned = None
        self.wish = None
        self.done = threading.Event()
        self.failure = None

    def run(self):
        try:
            while self.wish != "leave":
                for messages in self.consumer.poll(200).values():
                    self.seen += [record_of(message) for message in messages]
                partitions = self.consumer.assignment()
                if partitions or self.assigned is not None or self.consumer._coordinator.generation() is not None:
                    self.assigned = sorted(partition.partition for partition in partitions)
                if self.wish == "commit":
                    self.commit()
                    self.wish = None
                    self.done.set()
            self.consumer.close(autocommit=False)
        except Exception as error:
            self.failure = error
        self.done.set()

    def commit(self):
        following = {}
        for record in self.seen:
            partition = TopicPartition(self.topic, record["partition"])
            following[partition] = max(following.get(partition, 0), record["offset"] + 1)
        try:
            offsets = {partition: OffsetAndMetadata(offset, "") for partition, offset in following.items()}
        except TypeError:  # newer ones carry the leader epoch too
            offsets = {partition: OffsetAndMetadata(offset, "", -1) for partition, offset in following.items()}
        self.consumer.commit(offsets)

    def ask(self, wish):
        self.done.clear()
        self.wish = wish
        if not self.done.wait(30):
            raise TimeoutError(wish)
        if self.failure is not None:
            raise self.failure


def join(group, topic):
    state["member"] = Member(group, topic)
    state["member"].start()


def assigned():
    member = state["member"]
    if member.failure is not None:
        raise member.failure
    return member.assigned


serve(
    {
        "open": open_,
        "createTopic": create_topic,
        "produce": produce,
        "consume": consume,
        "join": join,
        "assigned": assigned,
        "consumed": lambda: list(state["member"].seen),
        "commit": lambda topic: state["member"].ask("commit"),
        "leave": lambda: state["member"].ask("leave"),
    }
)
os._exit(0)
