"""Proof bundles, written from Protocol/proofs.md."""

from evidence_model import signed
from ledger_model import MAX_STATEMENT, MAX_STREAMS, Reader, Refused, place, read_descriptor, read_entry, read_statement, record_sizes, require, shard_of, stream
from primitives_model import BUCKET, H, MANIFEST, leaf, node

MAX_BUNDLE, MAX_SHOWN, MAX_MEMBERSHIPS, MAX_HASHES, MAX_CHAIN = 4 << 20, 1000, 4096, 16384, 17


def root_of_selection(leaves, count, hashes):
    """The root over `count` leaves of which some are known, as {index: hash}; None if the hashes do not come out even."""
    rest, level, width = list(hashes), dict(leaves), count
    while width > 1:
        above = {}
        for index in sorted(level):
            other = index ^ 1
            if other in level:
                if index > other:
                    continue
                sibling = level[other]
            elif other >= width:
                above[index // 2] = level[index]
                continue
            elif not rest:
                return None
            else:
                sibling = rest.pop(0)
            above[index // 2] = node(level[index], sibling) if index < other else node(sibling, level[index])
        level, width = above, (width + 1) // 2
    return None if rest else level[0]


def selection(indices, leaves):
    """The hashes that root_of_selection wants."""
    hashes, level, places = [], list(leaves), set(indices)
    while len(level) > 1:
        for index in sorted(places):
            if index ^ 1 not in places and index ^ 1 < len(level):
                hashes.append(level[index ^ 1])
        level = [node(*level[i : i + 2]) if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
        places = {index // 2 for index in places}
    return hashes


def read_hashes(r):
    return [r.take(32) for _ in range(r.count(2, MAX_HASHES, 32))]


def read_part(kind, r):
    data = r.prefixed(2, MAX_STATEMENT, "statement")
    fields, _ = read_statement(kind, data)
    return data, fields


def ascends(found, key, what):
    require(len(found) < 2 or (found[-2][0] < found[-1][0] and key(found[-2][1]) < key(found[-1][1])), what)


def read_bucket(r, descriptors, room):
    index, start = r.number(4), r.at
    e = read_entry(r)
    raw = r.data[start : r.at]
    d = next((d for _, d, _ in descriptors if stream(d) == stream(e)), None)
    require(d is not None, "invalid:descriptor")
    count = r.count(2, room, 18 + record_sizes(d)[0])
    require(count > 0, "invalid:count")
    records = []
    for _ in range(count):
        at, salt, begin = r.number(2), r.take(16), r.at
        key = r.take(d["key_length"] or r.number(1))
        value = r.take(d["value_length"])
        records.append((at, key, value, salt + r.data[begin : r.at]))
        ascends([x[:2] for x in records], lambda k: k, "out-of-order")
    return {"index": index, "entry": e, "raw": raw, "descriptor": d, "records": records, "hashes": read_hashes(r)}


def read_testimony(r, room):
    t = {"certificate": read_part("generation", r), "head": read_part("head", r), "descriptor_count": r.number(2), "descriptors": [], "buckets": []}
    require(0 < t["descriptor_count"] <= MAX_STREAMS, "invalid:descriptor")
    for _ in range(r.count(2, t["descriptor_count"], 29)):
        index, start = r.number(2), r.at
        t["descriptors"].append((index, read_descriptor(r), r.data[start : r.at]))
        ascends([x[:2] for x in t["descriptors"]], stream, "out-of-order")
    count = r.count(2, room, 56)
    require(count > 0, "invalid:count")
    for _ in range(count):
        t["buckets"].append(read_bucket(r, t["descriptors"], room))
        room -= len(t["buckets"][-1]["records"])
        ascends([(b["index"], b["entry"]) for b in t["buckets"]], place, "out-of-order")
    require({stream(d) for _, d, _ in t["descriptors"]} == {stream(b["entry"]) for b in t["buckets"]}, "invalid:descriptor")
    t["hashes"] = read_hashes(r)
    return t, room


def check_testimony(t):
    """What the operator has signed for."""
    fields = signed("generation", t["certificate"][0])
    require(fields is not None, "forged:generation")
    head = t["head"][1]
    require((head["origin"], head["generation"]) == (fields["origin"], fields["generation"]), "foreign-head")
    require(fields["not_before"] <= head["issued_at"] + 600_000 and head["issued_at"] < fields["not_after"], "outside-validity")
    require(signed("head", t["head"][0], bytes.fromhex(fields["signing_key"])) is not None, "forged:head")
    leaves, found = {}, []
    for index, _, raw in t["descriptors"]:
        require(index < t["descriptor_count"], "not-in-manifest")
        leaves[index] = leaf(MANIFEST, raw)
    for b in t["buckets"]:
        e = b["entry"]
        require(b["index"] < head["entry_count"], "not-in-manifest")
        leaves[t["descriptor_count"] + b["index"]] = leaf(MANIFEST, b["raw"])
        shown = {}
        for at, key, value, data in b["records"]:
            fits = e["shard_bits"] == 0 or shard_of(b["descriptor"], key, e["shard_bits"]) == e["shard"]
            require(1 <= len(key) <= 253 and fits, "bad-key")
            require(at < e["count"], "not-in-bucket")
            shown[at] = leaf(BUCKET, data)
            found.append({"kind": e["kind"], "schema_version": e["schema_version"], "day": e["day"], "key": key.hex(), "value": value.hex()})
        require(root_of_selection(shown, e["count"], b["hashes"]) == bytes.fromhex(e["root"]), "not-in-bucket")
    total = t["descriptor_count"] + head["entry_count"]
    require(root_of_selection(leaves, total, t["hashes"]) == bytes.fromhex(head["manifest_root"]), "not-in-manifest")
    return {"origin": head["origin"], "generation": head["generation"], "sequence": head["sequence"], "sightings": found}


def chain(origin, members, used):
    """The mesh and name of an operator, or None; notes whose certificates lead to the root."""
    if origin not in members:
        return None
    own = at = members[origin]
    for _ in range(MAX_CHAIN):
        used.add(at["member"])
        if H(bytes.fromhex(at["sponsor"])).hex() == at["mesh"]:
            return {"mesh": own["mesh"], "name": own["display_name"]}
        at = members.get(at["sponsor"])
        if at is None or at["mesh"] != own["mesh"]:
            break
    raise Refused("broken-chain")


def check_bundle(data):
    """What each operator has signed for; raises the refusal."""
    require(len(data) <= MAX_BUNDLE, "over-limit:size")
    r = Reader(data)
    require(r.number(2) == 32, "wrong-structure")
    require(r.number(2) == 1, "unsupported-version")
    certificates = [read_part("membership", r) for _ in range(r.count(2, MAX_MEMBERSHIPS, 2))]
    count, room, parts = r.count(2, MAX_SHOWN, 4), MAX_SHOWN, []
    require(count > 0, "invalid:count")
    for _ in range(count):
        part, room = read_testimony(r, room)
        parts.append(part)
    check_sum = r.take(32)
    r.finish()

    members, used, found = {}, set(), []
    for raw, fields in certificates:
        require(not members or max(members) < fields["member"], "not-canonical")
        require(signed("membership", raw) is not None, "forged:membership")
        members[fields["member"]] = fields
    for part in parts:
        origin = part["certificate"][1]["origin"]
        require(not found or found[-1]["origin"] < origin, "not-canonical")
        found.append(check_testimony(part) | {"member": chain(origin, members, used)})
    require(used == set(members), "not-canonical")
    require(check_sum == H(b"hearsay/v1/bundle" + data[:-32]), "damaged")
    return found


def refusal_of(data):
    try:
        check_bundle(data)
    except Refused as refused:
        return str(refused)
    return None
