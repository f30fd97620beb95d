"""Sends what a sender may get wrong, and some things that are only unusual, each under a name.

usage: stranger.py BROKERS REGISTRY DAY SCHEMA

SCHEMA is a file with the topic's schema. Where each record went is printed as one line of JSON, with its name.
"""

import copy
import io
import json
import struct
import sys
from datetime import date
from decimal import Decimal

import fastavro
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

TOPIC = "ingest.instruction.v1"

brokers, registry_url, day, schema_file = sys.argv[1:]
registry = SchemaRegistryClient({"url": registry_url})
producer = Producer({"bootstrap.servers": brokers, "acks": "all", "enable.idempotence": True})
with open(schema_file, encoding="utf-8") as file:
    OURS = json.load(file)
OURS_ID = registry.get_latest_version(f"{TOPIC}-value").schema_id
CONTRIBUTION = "penstock.ingest.Contribution"


def changed(change):
    """Returns a copy of the schema that the given function has altered."""
    schema = copy.deepcopy(OURS)
    change(schema)
    return schema


def cash_of(schema):
    """The field of the cash in the record Contribution."""
    return schema["fields"][4]["type"][1]["fields"][0]


def instruction(pot, body):
    return {"source": "stranger", "id": "i1", "pot": pot, "instructedOn": date.fromisoformat(day), "body": body}


def paid(pot, cash, split=()):
    return instruction(pot, (CONTRIBUTION, {"cash": cash, "split": list(split)}))


def avro(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(copy.deepcopy(schema)), value)
    return out.getvalue()


def framed(schema_id, payload):
    return struct.pack(">bI", 0, schema_id) + payload


def by_own_schema(name, schema, value):
    """Frames by a schema under a subject of its own, so that nobody else picks it up as the newest one."""
    schema_id = registry.register_schema(f"stranger.{name}-value", Schema(json.dumps(schema), "AVRO"))
    return framed(schema_id, avro(schema, value))


def send(name, key, value):
    def told(error, message):
        if error is not None:
            sys.exit(f"{name}: {error}")
        print(json.dumps({"name": name, "partition": message.partition(), "offset": message.offset()}))

    producer.produce(TOPIC, key=key, value=value, on_delivery=told)
    producer.poll(0)


wider = changed(lambda s: cash_of(s)["type"].update(precision=30))
finer = changed(lambda s: cash_of(s)["type"].update(scale=4))
inexact = changed(lambda s: cash_of(s).update(type="double"))
undated = changed(lambda s: s["fields"].pop(3))
dateless = {k: v for k, v in paid("p", Decimal("1.00")).items() if k != "instructedOn"}
good = avro(OURS, paid("p", Decimal("1.00")))
parts = [{"asset": f"ASSET-{i:05}", "weight": Decimal("0.000001")} for i in range(5000)]

# What is refused.
send("nothing", "p", None)
send("JSON", "p", b'{"pot": "p"}')
send("unknown schema", "p", framed(987654, good))
send("cut off", "p", framed(OURS_ID, good[:-1]))
send("bytes too many", "p", framed(OURS_ID, good + b"x"))
send("other scale", "p", by_own_schema("finer", finer, paid("p", Decimal("1.0000"))))
send("other precision", "p", by_own_schema("wider", wider, paid("p", Decimal("1.00"))))
send("float", "p", by_own_schema("inexact", inexact, paid("p", 1.0)))
send("missing field", "p", by_own_schema("undated", undated, dateless))
send("too many digits", "p", framed(OURS_ID, avro(wider, paid("p", Decimal("12345678901234567.00")))))
send("too large", "p", framed(OURS_ID, avro(OURS, paid("p", Decimal("1.00"), parts))))
send("reserved key", "!0", framed(OURS_ID, good))
send("negative", "p", framed(OURS_ID, avro(OURS, paid("p", Decimal("-1.00")))))

# What is unusual, and good: no key, a key that is not the pot, and a schema with the fields in another order, with
# one more, and with none of the bodies that this sender never sends.
opened = ("penstock.ingest.PotOpened", {})


def narrow(schema):
    schema["fields"].reverse()
    schema["fields"].append({"name": "note", "type": ["null", "string"]})
    schema["fields"][0]["type"] = schema["fields"][0]["type"][:1]


send("no key", None, framed(OURS_ID, avro(OURS, instruction("no-key", opened))))
send("other key", "elsewhere", framed(OURS_ID, avro(OURS, instruction("other-key", opened))))
noted = instruction("own-schema", opened) | {"note": "for us alone"}
send("own schema", "own-schema", by_own_schema("narrow", changed(narrow), noted))

left = producer.flush(30)
if left:
    sys.exit(f"{left} records were not acknowledged")
