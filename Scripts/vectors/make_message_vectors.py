#!/usr/bin/env python3
"""Writes Protocol/vectors/replication/messages.json: the plaintexts of datagrams, vouchers, and history requests."""

from common import Key, fixed, u8, u16, u32, u64, write
from check_ledger import refusal
from check_messages import read_datagram, read_history_request

NODE, ASKER, NONCE = Key("message/node"), Key("message/asker"), fixed("message/nonce")
HEAD = fixed("message/head", 210)
TOP = 2**64 - 1


def vector(read, name, data, refused=None):
    found = refusal(lambda: read(data))
    assert found == refused, (name, found)
    return {"name": name, "bytes": data, **({"refusal": refused} if refused else {"fields": read(data)})}


def datagram(name, data, refused=None):
    return vector(read_datagram, name, data, refused)


def request(name, data, refused=None):
    return vector(read_history_request, name, data, refused)


def ping(kind, number=7):
    return u8(kind) + u32(number) + u64(0x1122334455667788) + u64(42)


def heads(*all):
    return u8(3) + u8(len(all)) + b"".join(u16(len(x)) + x for x in all)


def names(kind, *positions):
    origins = [fixed(f"message/named {n}", 8) for n in range(len(positions))]
    return u8(kind) + u8(len(positions)) + b"".join(o + u32(generation) + u64(sequence) for o, (generation, sequence) in zip(origins, positions))


signature = NODE.sign("hearsay/v1/alive", ASKER.public + NONCE)
datagrams = [
    datagram("ping", ping(1)), datagram("ack", ping(2)), datagram("ping with the highest numbers", u8(1) + u32(2**32 - 1) + u64(TOP) + u64(TOP)),
    datagram("one head", heads(HEAD)), datagram("five heads", heads(*[HEAD] * 5)), datagram("no head", heads()),
    datagram("head with change", u8(4) + u16(210) + HEAD + fixed("message/base", 8) + fixed("message/change", 60)),
    datagram("probe request", u8(5) + u32(9) + NODE.public + NONCE), datagram("challenge", u8(6) + u32(2**31 + 9) + ASKER.public + NONCE),
    datagram("voucher", u8(7) + u32(9) + signature), datagram("no voucher", u8(8) + u32(9)),
    datagram("suspicion", u8(9) + NODE.public + u64(3)), datagram("suspicion of the highest incarnation", u8(9) + NODE.public + u64(TOP)),
    datagram("announcement", names(10, (3, 17), (2**32 - 1, TOP))), datagram("announcement of as many as fit", names(10, *[(1, n) for n in range(58)])),
    datagram("announcement of nothing", names(10)), datagram("wanted", names(11, (3, 17))),
    datagram("announcement of 59", names(10, *[(1, n) for n in range(59)]), "over-limit:count"),
    datagram("announcement, a byte short", names(10, (3, 17))[:-1], "truncated"), datagram("wanted, a byte more", names(11, (3, 17)) + b"\0", "trailing"),
    datagram("nothing", b"", "truncated"), datagram("type 0", u8(0), "invalid:datagram-type"), datagram("type 12", u8(12) + bytes(20), "invalid:datagram-type"),
    datagram("ping, a byte short", ping(1)[:-1], "truncated"), datagram("ping, a byte more", ping(1) + b"\0", "trailing"),
    datagram("six heads", heads(*[b""] * 6) + bytes(12), "over-limit:count"), datagram("heads that end early", heads(HEAD)[:-1], "truncated"),
    datagram("heads, a byte more", heads(HEAD) + b"\0", "trailing"),
    datagram("probe request, a byte short", (u8(5) + u32(9) + NODE.public + NONCE)[:-1], "truncated"),
    datagram("challenge, a byte more", u8(6) + u32(9) + ASKER.public + NONCE + b"\0", "trailing"),
    datagram("voucher, a byte short", (u8(7) + u32(9) + signature)[:-1], "truncated"), datagram("no voucher, a byte more", u8(8) + u32(9) + b"\0", "trailing"),
    datagram("suspicion, a byte short", (u8(9) + NODE.public + u64(3))[:-1], "truncated"),
]
flipped = signature[:10] + bytes([signature[10] ^ 1]) + signature[11:]
vouchers = [{"name": n, "node": node, "asker": asker, "nonce": nonce, "signature": s, "good": good} for n, node, asker, nonce, s, good in [
    ("a voucher", NODE.public, ASKER.public, NONCE, signature, True),
    ("for another asker", NODE.public, Key("message/other").public, NONCE, signature, False),
    ("for another nonce", NODE.public, ASKER.public, fixed("message/another nonce"), signature, False),
    ("of another node", Key("message/other").public, ASKER.public, NONCE, signature, False),
    ("a bit flipped", NODE.public, ASKER.public, NONCE, flipped, False),
    ("under another tag", NODE.public, ASKER.public, NONCE, NODE.sign("hearsay/v1/peer", ASKER.public + NONCE), False),
]]


def asked(start, end):
    return fixed("message/origin") + u32(3) + u64(start) + u64(end) + fixed("message/root")


requests = [
    request("a stretch", asked(17, 40)), request("a beginning", asked(1, 1)), request("the longest", asked(1, TOP)),
    request("from 0", asked(0, 40), "invalid:sequence"), request("backwards", asked(41, 40), "invalid:sequence"),
    request("a byte short", asked(17, 40)[:-1], "truncated"), request("a byte more", asked(17, 40) + b"\0", "trailing"),
]
write("replication", "messages", "replication.md §6 and §8.1, liveness.md §3 and §4: plaintexts of datagrams, signatures of vouchers, bodies of history requests.",
      datagrams=datagrams, vouchers=vouchers, history_requests=requests)
