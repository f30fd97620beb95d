"""Checks that an order is in an external trade. usage: verify.py PROOF RECORD
RECORD is a file with the record that published the trade, a line of `penstock tail ledger.trade.v1 --json`."""
import hashlib, json, re, sys, uuid

def check(holds, why):
    if not holds:
        sys.exit(why)

def derived(words):  # a UUID of version 5 (RFC 9562) over the words, each after its length
    name = b"".join(len(word).to_bytes(2, "big") + word for word in map(str.encode, words))
    return str(uuid.UUID(bytes=hashlib.sha1(bytes.fromhex("6f1d0e523b7a5c119c4470656e73746b") + name).digest()[:16], version=5))

def climbed(node, path):
    for step in path:
        other = bytes.fromhex(step["hash"])
        check(step == {"side": step["side"], "hash": other.hex()}, "a hash has another form")
        node = hashlib.sha256(b"\1" + {"left": other + node, "right": node + other}[step["side"]]).digest()
    return node

proof, record = (json.load(open(name, encoding="utf-8")) for name in sys.argv[1:])
order, shard, trade, place = (proof.pop(k) for k in ("order", "shard", "trade", "published"))
check(proof == {"format": "penstock-inclusion/1"} and set(order) <= {"id", "weight", "salt", "derivation"}, "this is another form of proof")
written = "{salt} {id} {weight}".format(**order)
check(re.fullmatch("[0-9a-f]{32} [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} -?[0-9]+", written), "the order is written in another form")
salted = bytes.fromhex(order["salt"] + order["id"].replace("-", "")) + order["weight"].to_bytes(8, "big", signed=True)
check(climbed(hashlib.sha256(b"\0" + salted).digest(), shard.pop("path")).hex() == shard["root"], "the order does not lead to the shard's root")
check(climbed(bytes.fromhex(shard["root"]), trade.pop("path")).hex() == trade["root"], "the shard does not lead to the trade's root")
kind = "BUY" if trade["side"] == "BUY" else "SELL/" + trade["basis"]
check(trade["id"] == derived(["trade", trade["day"], trade["custodian"], trade["asset"], kind]), "the trade's id is not that of its day and kind")
last = None
for words in order.get("derivation", []):
    check((words[0], len(words)) in ([("rest", 2), ("part", 3)] if last else [("order", 6)]) and last in (None, words[1]), "no order is made by such a step")
    last = derived(words)
check(last in (order["id"], None), "the order's id is not that of what it is derived from")
value = record.pop("value")
check(value["event"] == "batched" and trade == {k: value["trade" if k == "id" else k] for k in trade}, "the record is not that of the trade")
check(place == {**{k: record[k] for k in ("topic", "partition", "offset")}, "recordedAt": value["recordedAt"]}, "it was published elsewhere")
parts = [{"number": p["shard"], "orders": p["orders"], "root": p["root"]} for p in value["shards"]]
check(shard in parts, "the record has no such part")
print("order", order["id"], "of weight", order["weight"], "is in trade", trade["id"], "with the root", trade["root"])
