"""Checks Protocol/vectors/alerts: the signature of a webhook's request, by Python's own HMAC."""

import hashlib
import hmac
import json


def run(vectors):
    vector = json.loads((vectors / "alerts" / "webhook.json").read_text())
    signed = vector["timestamp"].encode() + b"." + vector["body"].encode()
    expected = "v1=" + hmac.new(vector["secret"].encode(), signed, hashlib.sha256).hexdigest()
    document = (vectors.parent / "alerts.md").read_text()
    passed = [
        hmac.compare_digest(expected, vector["signature"]),
        # The document's example is the vector's.
        all(vector[name] in document for name in ("secret", "timestamp", "body", "signature")),
        json.loads(vector["body"])["alert"] in document,
    ]
    for number, is_right in enumerate(passed):
        if not is_right:
            print(f"alerts/webhook.json: check {number} failed")
    return sum(passed), len(passed) - sum(passed)
