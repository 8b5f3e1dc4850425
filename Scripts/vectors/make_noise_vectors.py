#!/usr/bin/env python3
"""Makes Protocol/vectors/noise and Protocol/vectors/transport.

The handshakes come from an implementation that is not ours: pip install noiseprotocol==0.3.1
The same input gives the same files: python3 Scripts/vectors/make_noise_vectors.py
"""
import hashlib
import hmac
import json
import pathlib

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from noise.connection import Keypair, NoiseConnection

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Protocol" / "vectors"
NAMES = {"xk": b"Noise_XK_25519_ChaChaPoly_SHA256", "xkpsk3": b"Noise_XKpsk3_25519_ChaChaPoly_SHA256"}
PATTERN_BYTE = {"xk": 1, "xkpsk3": 2}
LABEL = b"hearsay/v1/datagram"
# A point of order 8, and the two encodings that everybody tries first.
SMALL_ORDER = {
    "zero": bytes(32),
    "one": bytes([1]) + bytes(31),
    "order-8": bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
}


def fixed(seed, count=32):
    return hashlib.shake_256(b"hearsay vectors/" + seed.encode()).digest(count)


def public(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def prologue(mesh, version=1):
    return b"hearsay" + version.to_bytes(2, "big") + mesh


def hkdf2(chaining_key, material):
    seed = hmac.digest(chaining_key, material, "sha256")
    first = hmac.digest(seed, b"\x01", "sha256")
    return first, hmac.digest(seed, first + b"\x02", "sha256")


def sides(case):
    """Both sides of a handshake, ready to start."""
    result = []
    for role in ("initiator", "responder"):
        noise = NoiseConnection.from_name(NAMES[case["pattern"]])
        if case["pattern"] == "xkpsk3":
            noise.set_psks(psk=case["secret"])
        noise.set_as_initiator() if role == "initiator" else noise.set_as_responder()
        noise.set_prologue(case["prologue"])
        noise.set_keypair_from_private_bytes(Keypair.STATIC, case[role + "_static"])
        noise.set_keypair_from_private_bytes(Keypair.EPHEMERAL, case[role + "_ephemeral"])
        if role == "initiator":
            noise.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, public(case["responder_static"]))
        noise.start_handshake()
        result.append(noise)
    return result


def framed(message):
    return len(message).to_bytes(2, "big") + message


def seal_datagram(key, session, counter, plaintext):
    header = session.to_bytes(8, "big") + counter.to_bytes(8, "big")
    return header + ChaCha20Poly1305(key).encrypt(bytes(4) + counter.to_bytes(8, "little"), plaintext, header)


def handshake(name, pattern, mesh=None):
    case = {"name": name, "pattern": pattern, "mesh": mesh or fixed(name + "/mesh")}
    case["prologue"] = prologue(case["mesh"])
    for key in ("initiator_static", "initiator_ephemeral", "responder_static", "responder_ephemeral"):
        case[key] = fixed(f"{name}/{key}")
    if pattern == "xkpsk3":
        case["invite"], case["secret"] = fixed(name + "/invite", 16), fixed(name + "/secret")
    initiator, responder = sides(case)
    # The library wipes the chaining key when it splits: keep each state from before the last message.
    states = [side.noise_protocol.handshake_state.symmetric_state for side in (initiator, responder)]
    messages = []
    for index in range(3):
        writer, reader = (initiator, responder) if index != 1 else (responder, initiator)
        message = bytes(writer.write_message(case.get("invite", b"") if index == 0 else b""))
        reader.read_message(message)
        messages.append(message)
    assert initiator.handshake_finished and responder.handshake_finished
    assert initiator.get_handshake_hash() == responder.get_handshake_hash()
    chaining_key = states[0].ck
    assert chaining_key == states[1].ck
    to_responder, to_initiator = hkdf2(chaining_key, LABEL)
    transport = []
    for index, (sender, plaintext) in enumerate(
        [("initiator", b"first"), ("responder", b"answer"), ("initiator", bytes(range(256))), ("responder", b"\x00")]
    ):
        writer, reader = (initiator, responder) if sender == "initiator" else (responder, initiator)
        sealed = bytes(writer.encrypt(plaintext))
        assert bytes(reader.decrypt(sealed)) == plaintext
        transport.append({"from": sender, "plaintext": plaintext.hex(), "message": sealed.hex()})
    sessions = {"initiator": int.from_bytes(fixed(name + "/to-initiator", 8), "big"), "responder": int.from_bytes(fixed(name + "/to-responder", 8), "big")}
    datagrams = []
    for sender, counter, plaintext in [
        ("initiator", 0, b"ping"), ("initiator", 1, b""), ("initiator", 0x0102030405060708, b"far ahead"),
        ("responder", 0, b"pong"), ("responder", 2**64 - 2, b"the last"), ("responder", 7, bytes(1168)),
    ]:
        key, session = (to_responder, sessions["responder"]) if sender == "initiator" else (to_initiator, sessions["initiator"])
        datagrams.append({"from": sender, "session": f"{session:016x}", "counter": f"{counter:016x}", "plaintext": plaintext.hex(),
                          "datagram": seal_datagram(key, session, counter, plaintext).hex()})
    hexed = {key: value.hex() if isinstance(value, bytes) else value for key, value in case.items()}
    hexed |= {
        "protocol_name": NAMES[pattern].decode(), "responder_public": public(case["responder_static"]).hex(),
        "initiator_public": public(case["initiator_static"]).hex(), "messages": [message.hex() for message in messages],
        "stream_of_initiator": (bytes([PATTERN_BYTE[pattern]]) + framed(messages[0]) + framed(messages[2])).hex(),
        "stream_of_responder": framed(messages[1]).hex(), "handshake_hash": bytes(initiator.get_handshake_hash()).hex(),
        "datagram_keys": {"initiator_to_responder": to_responder.hex(), "responder_to_initiator": to_initiator.hex()},
        "transport": transport, "datagrams": datagrams,
    }
    return case, messages, hexed


def changed(data, place, value):
    return data[:place] + bytes([value]) + data[place + 1:]


def refused_messages(case, messages):
    """One fault each: what the reader of a message refuses, and why."""
    name, cases = case["name"], []

    def add(fault_name, index, message, fault):
        cases.append({"name": f"{name}: {fault_name}", "handshake": name, "message": index, "bytes": message.hex(), "fault": fault})

    for index, message in enumerate(messages):
        add(f"message {index + 1} with its last bit flipped", index, changed(message, len(message) - 1, message[-1] ^ 1), "authentication")
        add(f"message {index + 1} with its first bit flipped", index, changed(message, 0, message[0] ^ 1), "authentication")
        add(f"message {index + 1} without its last byte, too short for its keys and tags" if len(message) == 48 else f"message {index + 1} without its last byte",
            index, message[:-1], "length" if len(message) == (64 if index == 2 else 48) else "authentication")
    for label, point in SMALL_ORDER.items():
        add(f"message 1 with the ephemeral key {label}", 0, point + messages[0][32:], "weak-key")
        add(f"message 2 with the ephemeral key {label}", 1, point + messages[1][32:], "weak-key")
    for label, change in [
        ("of another mesh", {"prologue": prologue(fixed("another mesh"))}),
        ("of protocol version 2", {"prologue": prologue(case["mesh"], version=2)}),
        ("for another responder", {"responder_static": fixed("another responder")}),
    ]:
        message = bytes(sides(case | change)[0].write_message(case.get("invite", b"")))
        add(f"message 1 {label}", 0, message, "authentication")
    if case["pattern"] == "xkpsk3":
        initiator, responder = sides(case | {"secret": fixed("another secret")})
        first = bytes(initiator.write_message(case["invite"]))
        responder.read_message(first)
        initiator.read_message(bytes(responder.write_message(b"")))
        add("message 3 with another secret", 2, bytes(initiator.write_message(b"")), "authentication")
    return cases


def frame(kind, flags, request, body):
    return (8 + len(body)).to_bytes(4, "big") + kind.to_bytes(2, "big") + flags.to_bytes(2, "big") + request.to_bytes(4, "big") + body


LIMITS = {
    1: 16_384, 2: 256, 3: 256, 4: 256, 5: 16_384, 6: 1_048_576, 7: 256, 8: 256, 9: 256, 10: 1_048_576, 11: 256,
    12: 6 + 256 * 27 + 262_144 * 52, 13: 256, 14: 32 + 8_192 * (1 + 253 + 64), 15: 256, 16: 1_048_641, 17: 17 + 8 * 4_096, 18: 1_048_576, 19: 256,
    20: 256, 21: 4_096, 22: 4_096, 24: 4_096, 25: 512, 26: 16, 65_535: 4_096,
}


def transport_files():
    good = [("ping", 3, 0, 7, b"\x01"), ("pong with the answer flag", 4, 1, 7, b"\x01\x02"), ("empty body", 8, 1, 0xFFFFFFFF, b""),
            ("unknown type", 60_000, 0, 1, b"\xaa"), ("flags that mean nothing yet", 3, 0xFFFE, 0, b""), ("longest ping", 3, 0, 0, bytes(256))]
    frames = [{"name": n, "type": t, "flags": f, "request": r, "body": b.hex(), "bytes": frame(t, f, r, b).hex()} for n, t, f, r, b in good]
    refused = [{"name": f"length {length}, shorter than the header", "bytes": (length.to_bytes(4, "big") + frame(3, 0, 0, b"")[4:]).hex(), "fault": "invalid:frame-length"}
               for length in (0, 7)]
    for kind, limit in LIMITS.items():
        header = (8 + limit + 1).to_bytes(4, "big") + kind.to_bytes(2, "big") + bytes(6)
        refused.append({"name": f"type {kind}, one byte over its limit of {limit}", "bytes": header.hex(), "fault": "over-limit:frame-length"})
    refused.append({"name": "length of all ones", "bytes": (b"\xff" * 4 + frame(14, 0, 0, b"")[4:]).hex(), "fault": "over-limit:frame-length"})
    offers = [{"name": "offer", "session": "0102030405060708", "port": 0x090A, "bytes": "0102030405060708090a"},
              {"name": "no port known", "session": "ffffffffffffffff", "port": 0, "bytes": "ffffffffffffffff0000"}]
    refused_offers = [{"name": "session id 0", "bytes": "00000000000000000001", "fault": "invalid:session-id"},
                      {"name": "one byte short", "bytes": "010203040506070809", "fault": "truncated"},
                      {"name": "one byte more", "bytes": "0102030405060708090a00", "fault": "trailing"},
                      {"name": "empty", "bytes": "", "fault": "truncated"}]
    key, session = fixed("datagram key"), 0x1122334455667788
    seal = lambda counter, plaintext: seal_datagram(key, session, counter, plaintext)
    # In this order, on one receiver.
    steps = [("first", seal(0, b"zero"), None), ("again", seal(0, b"zero"), "replayed"), ("same counter, other plaintext", seal(0, b"other"), "replayed"),
             ("ahead", seal(1500, b"ahead"), None), ("1,023 behind: the last of the window", seal(477, b"just"), None),
             ("1,024 behind", seal(476, b"late"), "too-old"), ("again, within the window", seal(477, b"just"), "replayed"),
             ("forged far ahead, which moves nothing", changed(seal(100_000, b"x"), 20, seal(100_000, b"x")[20] ^ 1), "forged"),
             ("still within the window", seal(1499, b"still"), None),
             ("flipped session id", changed(seal(2000, b"y"), 0, 0x91), "wrong-session"), ("flipped counter", changed(seal(2000, b"y"), 15, 0xD1), "forged"),
             ("flipped tag", changed(seal(2000, b"y"), 32, seal(2000, b"y")[32] ^ 0x80), "forged"), ("header only", seal(2000, b"")[:16], "malformed"),
             ("one byte short of a tag", seal(2000, b"")[:31], "malformed"), ("empty plaintext", seal(2000, b""), None),
             ("one byte over 1,200", seal(2001, bytes(1169)), "malformed"), ("1,200 bytes", seal(2001, bytes(1168)), None),
             ("the counter that is never used", seal(2**64 - 1, b"z"), "forged"), ("the last counter", seal(2**64 - 2, b"end"), None),
             ("everything else is too old now", seal(2002, b"old"), "too-old")]
    datagrams = []
    for name, data, fault in steps:
        entry = {"name": name, "bytes": data.hex()}
        if fault:
            entry["fault"] = fault
        else:
            entry["plaintext"] = ChaCha20Poly1305(key).decrypt(bytes(4) + data[8:16][::-1], data[16:], data[:16]).hex()
        datagrams.append(entry)
    return {
        "transport/frames.json": {"frames": frames, "refused": refused},
        "transport/offers.json": {"offers": offers, "refused": refused_offers},
        "transport/datagrams.json": {"key": key.hex(), "session": f"{session:016x}", "received": datagrams},
    }


def main():
    good, refused = [], []
    for name, pattern in [("xk one", "xk"), ("xk two", "xk"), ("first contact one", "xkpsk3"), ("first contact two", "xkpsk3")]:
        case, messages, hexed = handshake(name, pattern)
        good.append(hexed)
        refused += refused_messages(case, messages)
    streams = [("pattern 0", "00", "pattern"), ("pattern 3", "03", "pattern"), ("an HTTP request", b"GET / HTTP/1.1\r\n".hex(), "pattern"),
               ("xk with 47 bytes announced", "01002f", "length"), ("xk with 49 bytes announced", "010031", "length"),
               ("first contact with 48 bytes announced", "020030", "length"), ("the longest length", "01ffff", "length"), ("length 0", "010000", "length")]
    files = {
        "noise/handshakes.json": {"handshakes": good},
        "noise/refused.json": {"messages": refused, "streams": [{"name": n, "bytes": b, "fault": f} for n, b, f in streams]},
    } | transport_files()
    for path, content in files.items():
        (FOLDER / path).write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
