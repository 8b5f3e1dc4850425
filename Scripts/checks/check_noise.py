"""Checks Protocol/vectors/{noise,transport} with a Noise XK and XKpsk3 of its own, over the primitives of `cryptography`."""

import hashlib
import hmac
import json

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

h = bytes.fromhex
PATTERNS = {"xk": (1, b"Noise_XK_25519_ChaChaPoly_SHA256", [["e", "es"], ["e", "ee"], ["s", "se"]]),
            "xkpsk3": (2, b"Noise_XKpsk3_25519_ChaChaPoly_SHA256", [["e", "es"], ["e", "ee"], ["s", "se", "psk"]])}
LABEL = b"hearsay/v1/datagram"
MAX_DATAGRAM, WINDOW = 1200, 1024
LIMITS = {1: 16384, 5: 16384, 6: 1 << 20, 10: 1 << 20, 12: 6 + 256 * 27 + 262144 * 52, 14: 32 + 8192 * 318, 16: 1048641, 17: 32785, 18: 1 << 20} | {n: 256 for n in (2, 3, 4, 7, 8, 9, 11, 13, 15, 19, 20)} | {25: 512, 26: 16}


class Refused(Exception):
    pass


def public(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def agree(private, peer):
    try:
        return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(peer))
    except ValueError:
        raise Refused("weak-key")


def seal(key, counter, plaintext, header):
    return ChaCha20Poly1305(key).encrypt(bytes(4) + counter.to_bytes(8, "little"), plaintext, header)


def unseal(key, counter, sealed, header, fault):
    try:
        return ChaCha20Poly1305(key).decrypt(bytes(4) + counter.to_bytes(8, "little"), sealed, header)
    except InvalidTag:
        raise Refused(fault)


class Handshake:
    """One side. Noise rev 34, section 5.3, for the two patterns spoken."""

    def __init__(self, role, v):
        _, name, self.tokens = PATTERNS[v["pattern"]]
        self.role, self.psk, self.message = role, h(v["secret"]) if "secret" in v else None, 0
        self.static, self.ephemeral = h(v[role + "_static"]), h(v[role + "_ephemeral"])
        self.remote_static = public(h(v["responder_static"])) if role == "initiator" else None
        self.remote_ephemeral = self.key = None
        self.hash = name.ljust(32, b"\0") if len(name) <= 32 else hashlib.sha256(name).digest()
        self.chain = self.hash
        self.mix_hash(b"hearsay" + b"\0\1" + h(v["mesh"]))
        self.mix_hash(public(h(v["responder_static"])))

    def mix_hash(self, data):
        self.hash = hashlib.sha256(self.hash + data).digest()

    def derive(self, material, count):
        seed, outputs = hmac.digest(self.chain, material, "sha256"), [b""]
        for place in range(1, count + 1):
            outputs.append(hmac.digest(seed, outputs[-1] + bytes([place]), "sha256"))
        return outputs[1:]

    def mix_key(self, material):
        self.chain, self.key = self.derive(material, 2)
        self.counter = 0

    def mix_ephemeral(self, key):
        self.mix_hash(key)
        if self.psk:
            self.mix_key(key)

    def token(self, token):
        if token == "psk":
            self.chain, middle, self.key = self.derive(self.psk, 3)
            self.counter = 0
            return self.mix_hash(middle)
        ours = self.role == "initiator"
        own = {"ee": self.ephemeral, "es": self.ephemeral if ours else self.static, "se": self.static if ours else self.ephemeral}[token]
        remote = {"ee": self.remote_ephemeral, "es": self.remote_static if ours else self.remote_ephemeral,
                  "se": self.remote_ephemeral if ours else self.remote_static}[token]
        self.mix_key(agree(own, remote))

    def seal(self, data):
        sealed = seal(self.key, self.counter, data, self.hash)
        self.counter += 1
        self.mix_hash(sealed)
        return sealed

    def unseal(self, sealed):
        data = unseal(self.key, self.counter, sealed, self.hash, "authentication")
        self.counter += 1
        self.mix_hash(sealed)
        return data

    def write(self, payload=b""):
        out = b""
        for token in self.tokens[self.message]:
            if token == "e":
                out += public(self.ephemeral)
                self.mix_ephemeral(public(self.ephemeral))
            elif token == "s":
                out += self.seal(public(self.static))
            else:
                self.token(token)
        self.message += 1
        return out + self.seal(payload)

    def read(self, data):
        if len(data) < (64 if self.message == 2 else 48):
            raise Refused("length")
        for token in self.tokens[self.message]:
            if token == "e":
                self.remote_ephemeral, data = data[:32], data[32:]
                self.mix_ephemeral(self.remote_ephemeral)
            elif token == "s":
                self.remote_static, data = self.unseal(data[:48]), data[48:]
            else:
                self.token(token)
        self.message += 1
        return self.unseal(data)


class Tally:
    def __init__(self, file):
        self.file, self.passed, self.failed = file, 0, 0

    def expect(self, condition, name):
        if condition:
            self.passed += 1
        else:
            self.failed += 1
            print(f"  FAILED {self.file}: {name}")


def refusal(action):
    try:
        action()
    except Refused as refused:
        return str(refused)
    return None


def framed(data):
    return len(data).to_bytes(2, "big") + data


def check_handshake(t, v):
    sides = {role: Handshake(role, v) for role in ("initiator", "responder")}
    payload, messages = h(v.get("invite", "")), []
    for index, writer in enumerate(["initiator", "responder", "initiator"]):
        reader = "responder" if writer == "initiator" else "initiator"
        messages.append(sides[writer].write(payload if index == 0 else b""))
        t.expect(sides[reader].read(messages[-1]) == (payload if index == 0 else b""), f"{v['name']}: payload {index + 1}")
    side = sides["responder"]
    t.expect([m.hex() for m in messages] == v["messages"], v["name"] + ": messages")
    t.expect((bytes([PATTERNS[v["pattern"]][0]]) + framed(messages[0]) + framed(messages[2])).hex() == v["stream_of_initiator"], v["name"] + ": initiator's stream")
    t.expect(framed(messages[1]).hex() == v["stream_of_responder"], v["name"] + ": responder's stream")
    t.expect(side.hash.hex() == v["handshake_hash"] == sides["initiator"].hash.hex(), v["name"] + ": handshake hash")
    t.expect(side.remote_static.hex() == v["initiator_public"], v["name"] + ": initiator's key")
    streams, datagrams = side.derive(b"", 2), side.derive(LABEL, 2)
    t.expect([k.hex() for k in datagrams] == [v["datagram_keys"]["initiator_to_responder"], v["datagram_keys"]["responder_to_initiator"]], v["name"] + ": datagram keys")
    counters = {"initiator": 0, "responder": 0}
    for m in v["transport"]:
        key = streams[0 if m["from"] == "initiator" else 1]
        t.expect(seal(key, counters[m["from"]], h(m["plaintext"]), b"").hex() == m["message"], v["name"] + ": transport message")
        counters[m["from"]] += 1
    for d in v["datagrams"]:
        header = h(d["session"] + d["counter"])
        made = header + seal(datagrams[0 if d["from"] == "initiator" else 1], int(d["counter"], 16), h(d["plaintext"]), header)
        t.expect(made.hex() == d["datagram"] and len(made) <= MAX_DATAGRAM, f"{v['name']}: datagram {d['counter']}")


def check_refused_message(t, v, handshakes):
    """Plays the handshake up to the message in question, then has its reader read the faulty one."""
    good = handshakes[v["handshake"]]
    reader = Handshake("initiator" if v["message"] == 1 else "responder", good)
    for index in range(v["message"]):
        if (index == 1) == (reader.role == "initiator"):
            reader.read(h(good["messages"][index]))
        else:
            reader.write(h(good.get("invite", "")) if index == 0 else b"")
    t.expect(refusal(lambda: reader.read(h(v["bytes"]))) == v["fault"], v["name"])


def read_stream(data):
    if data[0] not in (1, 2):
        raise Refused("pattern")
    if int.from_bytes(data[1:3], "big") != (48 if data[0] == 1 else 64):
        raise Refused("length")


def read_frame(data):
    length, kind = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:6], "big")
    if length < 8:
        raise Refused("invalid:frame-length")
    if length - 8 > LIMITS.get(kind, 4096):
        raise Refused("over-limit:frame-length")
    assert len(data) == 4 + length
    return {"type": kind, "flags": int.from_bytes(data[6:8], "big"), "request": int.from_bytes(data[8:12], "big"), "body": data[12:].hex()}


def read_offer(data):
    if len(data) != 10:
        raise Refused("truncated" if len(data) < 10 else "trailing")
    if data[:8] == bytes(8):
        raise Refused("invalid:session-id")
    return {"session": data[:8].hex(), "port": int.from_bytes(data[8:], "big")}


class Receiver:
    """Takes each counter once: remembers all of them, which a node need not."""

    def __init__(self, key, session):
        self.key, self.session, self.taken = key, session, set()

    def read(self, data):
        if not 32 <= len(data) <= MAX_DATAGRAM:
            raise Refused("malformed")
        if data[:8] != self.session:
            raise Refused("wrong-session")
        counter = int.from_bytes(data[8:16], "big")
        if counter == 2**64 - 1:
            raise Refused("forged")
        if self.taken and max(self.taken) - counter >= WINDOW:
            raise Refused("too-old")
        if counter in self.taken:
            raise Refused("replayed")
        plaintext = unseal(self.key, counter, data[16:], data[:16], "forged")
        self.taken.add(counter)
        return plaintext


def check_named(t, read, good, refused):
    for v in good:
        t.expect(read(h(v["bytes"])) == {k: v[k] for k in v if k not in ("name", "bytes")}, v["name"])
    for v in refused:
        t.expect(refusal(lambda: read(h(v["bytes"]))) == v["fault"], v["name"])


def run(vectors_dir):
    tallies = []

    def load(name):
        tallies.append(Tally(name))
        return tallies[-1], json.loads((vectors_dir / name).read_text())

    t, file = load("noise/handshakes.json")
    handshakes = {v["name"]: v for v in file["handshakes"]}
    for v in handshakes.values():
        check_handshake(t, v)
    t, file = load("noise/refused.json")
    for v in file["messages"]:
        check_refused_message(t, v, handshakes)
    for v in file["streams"]:
        t.expect(refusal(lambda: read_stream(h(v["bytes"]))) == v["fault"], v["name"])
    t, file = load("transport/frames.json")
    check_named(t, read_frame, file["frames"], file["refused"])
    t, file = load("transport/offers.json")
    check_named(t, read_offer, file["offers"], file["refused"])
    t, file = load("transport/datagrams.json")
    receiver = Receiver(h(file["key"]), h(file["session"]))
    for v in file["received"]:
        if "fault" in v:
            t.expect(refusal(lambda: receiver.read(h(v["bytes"]))) == v["fault"], v["name"])
        else:
            t.expect(receiver.read(h(v["bytes"])).hex() == v["plaintext"], v["name"])
    return sum(t.passed for t in tallies), sum(t.failed for t in tallies)
