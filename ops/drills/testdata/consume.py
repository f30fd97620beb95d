"""Prints the committed records of a topic from its beginning, as one line of JSON each.

usage: consume.py BROKERS REGISTRY TOPIC [COUNT]

It ends after COUNT records; without it, when interrupted. Nothing is committed, so each run starts at the beginning.
"""

import json
import sys

from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

brokers, registry_url, topic, *count = sys.argv[1:]
deserialize = AvroDeserializer(SchemaRegistryClient({"url": registry_url}), return_record_name=True)
consumer = Consumer(
    {
        "bootstrap.servers": brokers,
        "group.id": f"print-{topic}",
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
)


def named(value):
    """Shows a value that JSON has no form for with the name of its Python type."""
    return f"{type(value).__name__} {value.hex() if isinstance(value, bytes) else value}"


consumer.subscribe([topic])
left = int(count[0]) if count else -1
try:
    while left != 0:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            sys.exit(str(message.error()))
        value = deserialize(message.value(), SerializationContext(topic, MessageField.VALUE))
        print(json.dumps({"key": message.key().decode(), "value": value}, default=named), flush=True)
        left -= 1
except KeyboardInterrupt:
    pass
finally:
    consumer.close()
