"""What both generators use: fixed keys, the sealed form of a statement, a writer that always gives the same file."""

import json
import pathlib
import sys

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent
VECTORS = SCRIPTS.parent / "Protocol" / "vectors"
sys.path.insert(0, str(SCRIPTS / "checks"))

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: E402
from primitives_model import H, tagged  # noqa: E402


def fixed(label, count=32):
    """Bytes that look random and never change."""
    out, i = b"", 0
    while len(out) < count:
        out += H(b"hearsay vectors/" + label.encode() + bytes([i]))
        i += 1
    return out[:count]


class Key:
    def __init__(self, label=None, seed=None):
        self.seed = seed or fixed("key/" + label)
        self.secret = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.public = self.secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign_raw(self, message):
        return self.secret.sign(message)

    def sign(self, tag, body):
        return self.sign_raw(tagged(tag, body))


def u8(n):
    return n.to_bytes(1, "big")


def u16(n):
    return n.to_bytes(2, "big")


def u32(n):
    return n.to_bytes(4, "big")


def u64(n):
    return n.to_bytes(8, "big")


def plain(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def write(folder, name, about, **sections):
    """One vector a line, so that a change shows as a line."""
    lines = ["{", '"about": ' + json.dumps(about)]
    for title, content in sections.items():
        lines[-1] += ","
        if isinstance(content, list):
            lines.append(f'"{title}": [')
            lines.append(",\n".join(json.dumps(plain(v), ensure_ascii=True) for v in content))
            lines.append("]")
        else:
            lines.append(f'"{title}": ' + json.dumps(plain(content)))
    lines.append("}")
    path = VECTORS / folder / (name + ".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
