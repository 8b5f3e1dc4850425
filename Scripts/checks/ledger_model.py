"""Decoders for Protocol/statements.md and Protocol/ledger.md, written from the text. Every refusal is a `Refused` with its name."""

import struct

from primitives_model import BUCKET, H, MANIFEST, chacha20, leaf, root, siphash

MAX_KEY, MAX_VALUE, MAX_SIGHTINGS, MAX_ENTRIES, MAX_STREAMS = 253, 64, 8192, 262144, 256
MAX_BUCKET = 32 + MAX_SIGHTINGS * (1 + MAX_KEY + MAX_VALUE)
MAX_MANIFEST = 6 + MAX_STREAMS * 27 + MAX_ENTRIES * 52
MAX_STATEMENT, MAX_EXTENSIONS, MAX_ADDRESSES, MAX_NAME = 4096, 256, 8, 64
NINETY_DAYS = 90 * 86400
LAST_DAY = 2932896
MAX_U64 = 2**64 - 1


class Refused(Exception):
    pass


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    @property
    def left(self):
        return len(self.data) - self.at

    def take(self, count):
        if count > self.left:
            raise Refused("truncated")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, width):
        return int.from_bytes(self.take(width), "big")

    def prefixed(self, width, limit, field):
        count = self.number(width)
        if count > limit:
            raise Refused("over-limit:" + field)
        return self.take(count)

    def count(self, width, limit, size):
        count = self.number(width)
        if count > limit:
            raise Refused("over-limit:count")
        if count * size > self.left:
            raise Refused("truncated")
        return count

    def finish(self):
        if self.left:
            raise Refused("trailing")


def require(condition, name):
    if not condition:
        raise Refused(name)


def is_domain(data):
    if not 3 <= len(data) <= 253:
        return False
    labels = data.split(b".")
    allowed = b"abcdefghijklmnopqrstuvwxyz0123456789-"
    for label in labels:
        if not 1 <= len(label) <= 63 or any(c not in allowed for c in label) or label[0] == 45 or label[-1] == 45:
            return False
    return len(labels) >= 2 and any(97 <= c <= 122 for c in labels[-1])


FORBIDDEN = [
    (0, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x600, 0x605), (0x61C, 0x61C), (0x6DD, 0x6DD), (0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2),
    (0x180E, 0x180E), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0xE000, 0xF8FF), (0xFEFF, 0xFEFF), (0xFFF0, 0xFFFB),
    (0xFFFE, 0xFFFF), (0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0x10FFFF),
]


def is_name(data):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return 1 <= len(data) <= MAX_NAME and not any(a <= ord(c) <= b for c in text for a, b in FORBIDDEN)


def read_address(r):
    form = r.number(1)
    require(form in (1, 4, 6), "invalid:address")
    if form == 1:
        host = r.prefixed(1, 253, "hostname")
        require(is_domain(host), "invalid:hostname")
        host = host.decode()
    else:
        host = r.take(4 if form == 4 else 16).hex()
    tcp, udp = r.number(2), r.number(2)
    require(tcp > 0 and udp > 0, "invalid:port")
    return {"form": form, "host": host, "tcp_port": tcp, "udp_port": udp}


def read_membership(r):
    f = {"mesh": r.take(32).hex(), "member": r.take(32).hex()}
    name = r.prefixed(1, MAX_NAME, "name")
    require(is_name(name), "invalid:name")
    f |= {"display_name": name.decode(), "sponsor": r.take(32).hex(), "not_before": r.number(8), "not_after": r.number(8)}
    require(f["not_before"] < f["not_after"], "invalid:validity")
    return f, f["sponsor"]


def read_revocation(r):
    f = {"mesh": r.take(32).hex(), "revoked": r.take(32).hex(), "revoker": r.take(32).hex(), "issued_at": r.number(8), "reason": r.number(1)}
    require(f["reason"] <= 3, "invalid:reason")
    return f, f["revoker"]


def read_generation(r):
    f = {"origin": r.take(32).hex(), "generation": r.number(4), "signing_key": r.take(32).hex(), "not_before": r.number(8), "not_after": r.number(8)}
    f |= {"parent_generation": r.number(4), "parent_sequence": r.number(8), "parent_head_hash": r.take(32).hex(), "reason": r.number(1)}
    require(1 <= f["reason"] <= 6, "invalid:reason")
    require(f["generation"] > f["parent_generation"], "invalid:generation")
    require(f["not_before"] < f["not_after"], "invalid:validity")
    return f, f["origin"]


def read_node(r):
    f = {"origin": r.take(32).hex(), "serial": r.number(8), "node": r.take(32).hex(), "transport_key": r.take(32).hex(), "roles": r.number(2)}
    f |= {"not_before": r.number(8), "not_after": r.number(8)}
    latest = min(MAX_U64, f["not_before"] + NINETY_DAYS * 1000)
    require(f["not_before"] < f["not_after"] <= latest, "invalid:validity")
    return f, f["origin"]


def read_peer(r):
    f = {"node": r.take(32).hex(), "incarnation": r.number(8), "flags": r.number(2)}
    f["addresses"] = [read_address(r) for _ in range(r.count(1, MAX_ADDRESSES, 9))]
    return f, f["node"]


def read_head(r):
    f = {"origin": r.take(32).hex(), "generation": r.number(4), "sequence": r.number(8), "issued_at": r.number(8), "lifetime": r.number(4)}
    f |= {"manifest_root": r.take(32).hex(), "entry_count": r.number(4), "sighting_count": r.number(8), "data_bytes": r.number(8)}
    f["history_root"] = r.take(32).hex()
    extensions = r.prefixed(2, MAX_EXTENSIONS, "extensions")
    f["extensions"] = extensions.hex()
    require(f["generation"] > 0, "invalid:generation")
    require(0 < f["sequence"] < MAX_U64, "invalid:sequence")
    require(0 < f["lifetime"] <= NINETY_DAYS, "invalid:lifetime")
    require(f["entry_count"] <= MAX_ENTRIES, "invalid:count")
    inner = Reader(extensions)
    try:
        while inner.left:
            inner.take(2)
            inner.prefixed(2, MAX_EXTENSIONS, "extensions")
    except Refused:
        raise Refused("invalid:extensions")
    return f, None


STATEMENTS = {
    "membership": (1, read_membership), "revocation": (2, read_revocation), "generation": (3, read_generation),
    "node": (4, read_node), "peer": (5, read_peer), "head": (6, read_head),
}


def read_statement(kind, data):
    """The fields and the key that must have signed (None: it is not in the statement)."""
    require(len(data) <= MAX_STATEMENT, "over-limit:statement")
    number, read = STATEMENTS[kind]
    r = Reader(data)
    require(r.number(2) == number, "wrong-structure")
    require(r.number(2) == 1, "unsupported-version")
    fields, signer = read(r)
    require(r.left >= 64, "truncated")
    require(r.left == 64, "trailing")
    return fields, signer


def read_descriptor(r):
    d = {"kind": r.number(2), "schema_version": r.number(2), "key_length": r.number(1), "value_length": r.number(1), "day_span": r.number(1)}
    d |= {"retention_days": r.number(2), "flags": r.number(2), "shard_key": r.take(16).hex()}
    ok = d["key_length"] <= MAX_KEY and d["value_length"] <= MAX_VALUE and d["day_span"] > 0 and d["retention_days"] > 0
    require(ok, "invalid:descriptor")
    return d


def read_entry(r):
    e = {"kind": r.number(2), "schema_version": r.number(2), "day": r.number(4)}
    require(e["day"] <= LAST_DAY, "invalid:day")
    e |= {"shard_bits": r.number(1), "flags": r.number(1), "shard": r.number(2), "count": r.number(4), "bytes": r.number(4), "root": r.take(32).hex()}
    require(e["shard_bits"] <= 16 and e["shard"] < 1 << e["shard_bits"], "invalid:shard")
    require(e["count"] > 0, "invalid:count")
    require(e["count"] <= MAX_SIGHTINGS, "over-limit:count")
    require(e["bytes"] <= MAX_BUCKET, "over-limit:size")
    return e


def record_sizes(d):
    if d["key_length"] == 0:
        return 2 + d["value_length"], 1 + MAX_KEY + d["value_length"]
    return (d["key_length"] + d["value_length"],) * 2


def manifest_parts(data):
    require(len(data) <= MAX_MANIFEST, "over-limit:size")
    r = Reader(data)
    descriptor_count = r.count(2, MAX_STREAMS, 27)
    entry_count = r.count(4, MAX_ENTRIES, 52)
    descriptors, entries = [], []
    for _ in range(descriptor_count):
        d = read_descriptor(r)
        if descriptors:
            require(stream(descriptors[-1]) < stream(d), "out-of-order")
        descriptors.append(d)
    for _ in range(entry_count):
        e = read_entry(r)
        if entries:
            require(place(entries[-1]) < place(e), "out-of-order")
        entries.append(e)
    r.finish()
    return descriptors, entries


def stream(x):
    return x["kind"], x["schema_version"]


def place(e):
    return stream(e) + (e["day"], e["shard"])


def manifest_root(data, descriptor_count, entry_count):
    cuts = [6 + 27 * i for i in range(descriptor_count)] + [6 + 27 * descriptor_count + 52 * i for i in range(entry_count)]
    sizes = [27] * descriptor_count + [52] * entry_count
    return root([leaf(MANIFEST, data[c : c + s]) for c, s in zip(cuts, sizes)])


def check_manifest(data, head_root, totals):
    descriptors, entries = manifest_parts(data)
    require(manifest_root(data, len(descriptors), len(entries)) == head_root, "wrong-root")
    known = {stream(d): d for d in descriptors}
    for before, e in zip([None] + entries, entries):
        require(stream(e) in known, "rule:entry-without-descriptor")
        d = known[stream(e)]
        if before and stream(before) == stream(e) and before["day"] == e["day"]:
            require(before["shard_bits"] == e["shard_bits"], "rule:mixed-shard-bits")
        low, high = record_sizes(d)
        require(32 + e["count"] * low <= e["bytes"] <= 32 + e["count"] * high, "rule:impossible-byte-count")
        require(e["day"] % d["day_span"] == 0, "rule:day-between-spans")
    found = [len(entries), sum(e["count"] for e in entries), sum(e["bytes"] for e in entries)]
    require(found == totals, "rule:totals")
    return descriptors, entries


def shard_of(d, key, bits):
    return int.from_bytes(siphash(bytes.fromhex(d["shard_key"]), key), "big") >> (64 - bits)


def split_bucket(data, d, count):
    """Records as (key, value, bytes), or None if the bytes do not hold exactly that many."""
    records, at = [], 32
    while at < len(data) and len(records) < count:
        start = at
        size = d["key_length"]
        if size == 0:
            size = data[at]
            at += 1
        key, value = data[at : at + size], data[at + size : at + size + d["value_length"]]
        at += size + d["value_length"]
        records.append((key, value, data[start:at]))
    return records if len(records) == count and at == len(data) else None


def bucket_root(data, records):
    salts = chacha20(data[:32], 16 * len(records))
    return root([leaf(BUCKET, salts[16 * i : 16 * i + 16] + record[2]) for i, record in enumerate(records)])


def check_bucket(data, e, d):
    require(len(data) == e["bytes"] and len(data) >= 32, "byte-count")
    records = split_bucket(data, d, e["count"])
    require(records is not None, "wrong-root")
    require(bucket_root(data, records).hex() == e["root"], "wrong-root")
    before = None
    for key, _, _ in records:
        require(1 <= len(key) <= MAX_KEY, "rule:key-length")
        require(before is None or before < key, "rule:order")
        require(e["shard_bits"] == 0 or shard_of(d, key, e["shard_bits"]) == e["shard"], "rule:shard")
        before = key
    return records


def history_root(statement_hashes):
    from primitives_model import HISTORY

    return root([leaf(HISTORY, h) for h in statement_hashes])


def read_sighting(kind, version, key, value):
    """The fields of a record of a known stream; None if it is none of its."""
    if (kind, version) == (1, 1):
        if len(key) != 8 or len(value) != 3 or key == bytes(8) or value[:2] == bytes(2):
            return None
        return {"simhash": key.hex(), "sessions": struct.unpack(">H", value[:2])[0], "strength": value[2]}
    if (kind, version) == (2, 1):
        if not is_domain(key) or len(value) != 6:
            return None
        count, attackers = struct.unpack(">IH", value)
        return {"domain": key.decode(), "count": count, "attackers": attackers}
    return None
