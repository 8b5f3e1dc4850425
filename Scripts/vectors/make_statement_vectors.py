#!/usr/bin/env python3
"""Writes Protocol/vectors/statements: every structure well made, and with one fault each."""

from common import H, Key, fixed, u8, u16, u32, u64, write
from ledger_model import MAX_U64, NINETY_DAYS, STATEMENTS, Reader, Refused, read_address, read_statement
from primitives_model import refusal_of_signature, tagged

DAY = 86_400_000
T0 = 20_000 * DAY
NINETY = NINETY_DAYS * 1000

root, alice, bob, node, online = (Key(n) for n in ("root", "alice", "bob", "node", "online"))
MESH = H(root.public)

IPV4 = u8(4) + bytes([192, 0, 2, 1]) + u16(4480) + u16(4480)
IPV6 = u8(6) + bytes.fromhex("20010db8000000000000000000000001") + u16(4480) + u16(4481)
NAME = u8(1) + u8(len(b"node.example.org")) + b"node.example.org" + u16(443) + u16(1)


def membership(name=b"Alice & Co", sponsor=root, since=T0, until=T0 + 365 * DAY, length=None):
    return MESH + alice.public + u8(len(name) if length is None else length) + name + sponsor.public + u64(since) + u64(until)


def revocation(reason=3):
    return MESH + alice.public + root.public + u64(T0) + u8(reason)


def generation(number=1, since=T0, until=T0 + 365 * DAY, parent=(0, 0, bytes(32)), reason=1):
    return alice.public + u32(number) + online.public + u64(since) + u64(until) + u32(parent[0]) + u64(parent[1]) + parent[2] + u8(reason)


def node_certificate(serial=1, roles=3, since=T0, until=T0 + NINETY):
    return alice.public + u64(serial) + node.public + fixed("transport key") + u16(roles) + u64(since) + u64(until)


def peer(incarnation=7, flags=0, addresses=(IPV4, IPV6, NAME), count=None):
    return node.public + u64(incarnation) + u16(flags) + u8(len(addresses) if count is None else count) + b"".join(addresses)


def head(number=1, sequence=1, issued=T0, lifetime=86_400, entries=3, extensions=b"", length=None):
    body = alice.public + u32(number) + u64(sequence) + u64(issued) + u32(lifetime) + fixed("manifest root") + u32(entries) + u64(1234) + u64(5678)
    return body + fixed("history root") + u16(len(extensions) if length is None else length) + extensions


CASES = {
    "membership": (root, {
        "by the root": membership(), "name of 64 bytes": membership(b"x" * 64), "name beyond ASCII": membership("Zürich 蜜罐 🍯".encode()),
        "shortest validity": membership(since=T0, until=T0 + 1), "widest validity": membership(since=0, until=MAX_U64),
    }, {
        "name of 65 bytes": ("over-limit:name", membership(b"x" * 65)), "empty name": ("invalid:name", membership(b"")),
        "name not UTF-8": ("invalid:name", membership(b"a\xffb")), "name in overlong UTF-8": ("invalid:name", membership(b"a\xc0\x80")),
        "name with a surrogate": ("invalid:name", membership(b"a\xed\xa0\x80")), "name with a line feed": ("invalid:name", membership(b"a\nb")),
        "name with NUL": ("invalid:name", membership(b"a\0b")), "name with a C1 control": ("invalid:name", membership("a\u009bb".encode())),
        "name that turns the reading direction": ("invalid:name", membership("a\u202eb".encode())),
        "name with a zero-width space": ("invalid:name", membership("a\u200bb".encode())),
        "name with a line separator": ("invalid:name", membership("a\u2028b".encode())),
        "name with a private character": ("invalid:name", membership("a\ue000b".encode())),
        "name with a tag character": ("invalid:name", membership("a\U000e0041b".encode())),
        "empty validity": ("invalid:validity", membership(since=T0, until=T0)), "validity backwards": ("invalid:validity", membership(since=T0, until=T0 - 1)),
    }),
    "revocation": (root, {f"reason {r}": revocation(r) for r in range(4)}, {f"reason {r}": ("invalid:reason", revocation(r)) for r in (4, 255)}),
    "generation": (alice, {
        "first": generation(), "rotation": generation(2, parent=(1, 9, fixed("parent head")), reason=2),
        "generation skipped": generation(2**32 - 1, parent=(1, 9, fixed("parent head")), reason=3),
        **{f"reason {r}": generation(reason=r) for r in range(2, 7)},
    }, {
        "generation 0": ("invalid:generation", generation(0)),
        "generation of its parent": ("invalid:generation", generation(4, parent=(4, 1, fixed("parent head")))),
        "generation before its parent": ("invalid:generation", generation(3, parent=(4, 1, fixed("parent head")))),
        "empty validity": ("invalid:validity", generation(until=T0)), "reason 0": ("invalid:reason", generation(reason=0)),
        "reason 7": ("invalid:reason", generation(reason=7)),
    }),
    "node": (alice, {
        "publisher and replica": node_certificate(), "unknown roles": node_certificate(roles=0xFFFC), "shortest validity": node_certificate(until=T0 + 1),
        "validity at the end of time": node_certificate(since=MAX_U64 - 1, until=MAX_U64), "highest serial": node_certificate(MAX_U64),
    }, {
        "validity of 90 days and 1 ms": ("invalid:validity", node_certificate(until=T0 + NINETY + 1)),
        "empty validity": ("invalid:validity", node_certificate(until=T0)),
    }),
    "peer": (node, {
        "every form of address": peer(), "no address": peer(addresses=(), flags=1), "eight addresses": peer(addresses=(IPV4,) * 8),
        "unknown flags": peer(flags=0xFFFC), "highest incarnation": peer(MAX_U64),
        "longest name": peer(addresses=(u8(1) + u8(253) + b".".join([b"a" * 63] * 3 + [b"a" * 61]) + u16(1) + u16(65535),)),
    }, {
        "nine addresses": ("over-limit:count", peer(addresses=(IPV4,) * 9)),
        "address of form 0": ("invalid:address", peer(addresses=(u8(0) + IPV4[1:],))), "address of form 5": ("invalid:address", peer(addresses=(u8(5) + IPV4[1:],))),
        "TCP port 0": ("invalid:port", peer(addresses=(IPV4[:5] + u16(0) + u16(1),))), "UDP port 0": ("invalid:port", peer(addresses=(IPV4[:5] + u16(1) + u16(0),))),
        "name of one label": ("invalid:hostname", peer(addresses=(u8(1) + u8(9) + b"localhost" + u16(1) + u16(1),))),
        "name in upper case": ("invalid:hostname", peer(addresses=(NAME[:2] + b"N" + NAME[3:],))),
        "name of 254 bytes": ("over-limit:hostname", peer(addresses=(u8(1) + u8(254) + b"a" * 254 + u16(1) + u16(1),))),
        "IPv4 address as a name": ("invalid:hostname", peer(addresses=(u8(1) + u8(9) + b"192.0.2.1" + u16(1) + u16(1),))),
    }),
    "head": (online, {
        "plain, 210 bytes": head(), "an extension": head(extensions=u16(9) + u16(3) + b"abc"),
        "two extensions, one empty": head(extensions=u16(9) + u16(0) + u16(8) + u16(1) + b"x"),
        "256 bytes of extensions": head(extensions=u16(1) + u16(252) + bytes(252)), "highest sequence": head(sequence=MAX_U64 - 1),
        "longest lifetime": head(lifetime=NINETY_DAYS), "most entries": head(entries=262_144),
    }, {
        "generation 0": ("invalid:generation", head(0)), "sequence 0": ("invalid:sequence", head(sequence=0)),
        "sequence 2^64 - 1": ("invalid:sequence", head(sequence=MAX_U64)), "lifetime 0": ("invalid:lifetime", head(lifetime=0)),
        "lifetime over 90 days": ("invalid:lifetime", head(lifetime=NINETY_DAYS + 1)), "too many entries": ("invalid:count", head(entries=262_145)),
        "257 bytes of extensions": ("over-limit:extensions", head(extensions=u16(1) + u16(253) + bytes(253))),
        "extension cut in its header": ("invalid:extensions", head(extensions=u16(1) + b"\0")),
        "extension longer than the field": ("invalid:extensions", head(extensions=u16(1) + u16(4) + b"abc")),
    }),
}
BODIES = {"membership": membership, "revocation": revocation, "generation": generation, "node": node_certificate, "peer": peer, "head": head}


def seal(kind, body, key, structure=None, version=1, tag=None):
    signed = u16(structure or STATEMENTS[kind][0]) + u16(version) + body
    return signed + key.sign(tag or "hearsay/v1/" + kind, signed)


def statements():
    for kind, (key, good, bad) in CASES.items():
        ok = []
        for name, body in good.items():
            data = seal(kind, body, key)
            fields, _ = read_statement(kind, data)
            ok.append({"name": name, "key": key.public, "seed": key.seed, "bytes": data, "hash": H(data), "fields": {
                k: str(v) if isinstance(v, int) else v for k, v in fields.items()}})
        refused = []
        plain = seal(kind, BODIES[kind](), key)
        whole = plain[:-64]

        def refuse(name, refusal, data, by=key):
            try:
                read_statement(kind, data)
                found = "forged" if refusal_of_signature(by.public, data[-64:], tagged("hearsay/v1/" + kind, data[:-64])) else None
            except Refused as refused_as:
                found = str(refused_as)
            assert found == refusal, (kind, name, found, refusal)
            refused.append({"name": name, "refusal": refusal, "key": by.public, "bytes": data})

        for name, (refusal, body) in bad.items():
            refuse(name, refusal, seal(kind, body, key))
        other = "head" if kind != "head" else "generation"
        refuse("structure of another", "wrong-structure", seal(kind, BODIES[kind](), key, structure=STATEMENTS[other][0]))
        refuse("unknown structure", "wrong-structure", seal(kind, BODIES[kind](), key, structure=7))
        refuse("version 0", "unsupported-version", seal(kind, BODIES[kind](), key, version=0))
        refuse("version 2", "unsupported-version", seal(kind, BODIES[kind](), key, version=2))
        refuse("one byte short", "truncated", plain[:-1])
        refuse("without signature", "truncated", whole)
        refuse("structure only", "truncated", plain[:2])
        refuse("empty", "truncated", b"")
        refuse("one byte more", "trailing", plain + b"\0")
        refuse("4,097 bytes", "over-limit:statement", plain + bytes(4097 - len(plain)))
        refuse("tag of another structure", "forged", seal(kind, BODIES[kind](), key, tag="hearsay/v1/" + other))
        refuse("tag of another version", "forged", seal(kind, BODIES[kind](), key, tag="hearsay/v2/" + kind))
        refuse("signed without tag", "forged", whole + key.sign_raw(whole))
        refuse("signed by another key", "forged", seal(kind, BODIES[kind](), bob))
        refuse("signature flipped in R", "forged", whole + bytes([plain[-64] ^ 1]) + plain[-63:])
        refuse("signature flipped in S", "forged", plain[:-32] + bytes([plain[-32] ^ 1]) + plain[-31:])
        if kind in ("membership", "revocation"):
            refuse("body flipped after signing", "forged", plain[:4] + bytes([plain[4] ^ 1]) + plain[5:])
        write("statements", kind, f"statements.md: the {kind} statement. Numbers among the fields are decimal text.",
              structure=STATEMENTS[kind][0], tag="hearsay/v1/" + kind, good=ok, bad=refused)


def addresses():
    good = [("192.0.2.1:4480", IPV4), ("[2001:db8:0:0:0:0:0:1]:4480/4481", IPV6), ("node.example.org:443/1", NAME),
            ("[0:0:0:0:0:0:0:0]:65535", u8(6) + bytes(16) + u16(65535) + u16(65535)), ("255.255.255.255:1", u8(4) + b"\xff" * 4 + u16(1) + u16(1)),
            ("a-b.c1:9", u8(1) + u8(6) + b"a-b.c1" + u16(9) + u16(9))]

    def named(text):
        return u8(1) + u8(len(text)) + text + u16(1) + u16(1)

    bad = [("form 2", "invalid:address", u8(2) + IPV4[1:]), ("empty", "truncated", b""), ("port cut", "truncated", IPV4[:-1]),
           ("IPv6 cut", "truncated", IPV6[:12]), ("name cut", "truncated", NAME[:10]), ("TCP port 0", "invalid:port", IPV6[:17] + u16(0) + u16(1)),
           ("UDP port 0", "invalid:port", NAME[:-2] + u16(0)), ("empty name", "invalid:hostname", named(b"")), ("trailing dot", "invalid:hostname", named(b"a.b.")),
           ("leading dot", "invalid:hostname", named(b".a.b")), ("empty label", "invalid:hostname", named(b"a..b")), ("leading hyphen", "invalid:hostname", named(b"-a.b")),
           ("trailing hyphen", "invalid:hostname", named(b"a-.b")), ("underscore", "invalid:hostname", named(b"a_b.c")), ("space", "invalid:hostname", named(b"a b.c")),
           ("label of 64", "invalid:hostname", named(b"a" * 64 + b".b")), ("last label of digits", "invalid:hostname", named(b"a.1")),
           ("one label", "invalid:hostname", named(b"host")), ("upper case", "invalid:hostname", named(b"A.b")), ("not ASCII", "invalid:hostname", named("ä.de".encode())),
           ("254 bytes", "over-limit:hostname", named(b"a" * 254))]
    for name, refusal, data in bad:
        try:
            read_address(Reader(data))
            raise AssertionError(name)
        except Refused as refused:
            assert str(refused) == refusal, (name, str(refused))
    write("statements", "addresses", "statements.md §2.1: network addresses and how they are written for people.",
          good=[{"text": t, "bytes": b, "fields": {k: str(v) for k, v in read_address(Reader(b)).items()}} for t, b in good],
          bad=[{"name": n, "refusal": r, "bytes": b} for n, r, b in bad])


statements()
addresses()
