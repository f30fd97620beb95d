"""Opens a pot and pays 100.00 into it: 60 % for the asset AAPL, 40 % for GOOG.

usage: produce.py BROKERS REGISTRY POT DAY [SCHEMA]

DAY is the day on which the member asked, such as 2008-03-20. SCHEMA is a file with a schema of your own, which is
registered; without it the newest schema of the registry is used and none is registered.
"""

import sys
from datetime import date
from decimal import Decimal

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

TOPIC = "ingest.instruction.v1"

brokers, registry_url, pot, day, *own_schema = sys.argv[1:]
registry = SchemaRegistryClient({"url": registry_url})
if own_schema:
    with open(own_schema[0], encoding="utf-8") as file:
        serialize = AvroSerializer(registry, file.read())
else:
    serialize = AvroSerializer(registry, conf={"auto.register.schemas": False, "use.latest.version": True})

# The body is a union of records, so it is a pair of the record's full name and its fields.
opened = ("penstock.ingest.PotOpened", {})
paid = (
    "penstock.ingest.Contribution",
    {
        "cash": Decimal("100.00"),
        "split": [{"asset": "AAPL", "weight": Decimal("0.6")}, {"asset": "GOOG", "weight": Decimal("0.4")}],
    },
)

failures = []


def told(error, message):
    if error is not None:
        failures.append(error)
        return
    print(f"{message.topic()}/{message.partition()}@{message.offset()}")


# Both settings together keep records of one key in order, each once, also when the client has to send again.
producer = Producer({"bootstrap.servers": brokers, "acks": "all", "enable.idempotence": True})
for instruction_id, body in (("open", opened), ("c1", paid)):
    instruction = {
        "source": "payroll",
        "id": instruction_id,
        "pot": pot,
        "instructedOn": date.fromisoformat(day),
        "body": body,
    }
    value = serialize(instruction, SerializationContext(TOPIC, MessageField.VALUE))
    producer.produce(TOPIC, key=pot, value=value, on_delivery=told)
left = producer.flush(30)
if failures or left:
    sys.exit(f"not acknowledged: {failures}, {left} still waiting")
