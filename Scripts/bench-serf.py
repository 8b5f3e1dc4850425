#!/usr/bin/env python3
"""What serf's agents do where `hearsay-bench mesh` measures ours: bench-serf.py N.

Starts N agents on loopback with serf's own settings for a local network, talks to each over its RPC socket, and prints how long it takes after the last start until
all see all, how long a user event takes to the last agent (12 times), how long 200 user events together, and how long a kill -9 stays unnoticed by somebody.
An event is at most 512 bytes that nobody signs, stores or answers for: that is what it is compared with. Needs nothing but Python and `serf` in the path.
"""
import random, select, shutil, signal, socket, struct, subprocess, sys, tempfile, time

EVENTS, BURST, PATIENCE = 12, 200, 60.0


def pack(value):
    """MessagePack, as much of it as the RPC needs."""
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return struct.pack(">BI", 0xCE, value)
    if isinstance(value, str):
        raw = value.encode()
        return bytes([0xA0 | len(raw)]) + raw if len(raw) < 32 else struct.pack(">BH", 0xDA, len(raw)) + raw
    return bytes([0x80 | len(value)]) + b"".join(pack(part) for pair in value.items() for part in pair)


class Short(Exception):
    """The bytes end within a value."""


def unpack(data, at):
    """One value, and where the next begins."""
    def need(count):
        if at + count > len(data):
            raise Short
    need(1)
    kind = data[at]
    def number(form):
        nonlocal at
        need(1 + struct.calcsize(form))
        result = struct.unpack_from(">" + form, data, at + 1)[0]
        at += 1 + struct.calcsize(form)
        return result
    def text(count):
        need(count)
        return bytes(data[at:at + count]), at + count
    def items(count):
        nonlocal at
        result = []
        for _ in range(count):
            value, at = unpack(data, at)
            result.append(value)
        return result
    def pairs(count):
        parts = items(2 * count)
        return {(k.decode() if isinstance(k, bytes) else k): v for k, v in zip(parts[::2], parts[1::2])}, at
    if kind < 0x80 or kind >= 0xE0:
        return (kind if kind < 0x80 else kind - 256), at + 1
    if kind < 0x90:
        at += 1
        return pairs(kind & 15)
    if kind < 0xA0:
        at += 1
        return items(kind & 15), at
    if kind < 0xC0:
        at += 1
        return text(kind & 31)
    if kind in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[kind], at + 1
    forms = {0xCC: "B", 0xCD: "H", 0xCE: "I", 0xCF: "Q", 0xD0: "b", 0xD1: "h", 0xD2: "i", 0xD3: "q", 0xCA: "f", 0xCB: "d"}
    if kind in forms:
        return number(forms[kind]), at
    counted = {0xC4: ("B", text), 0xC5: ("H", text), 0xC6: ("I", text), 0xD9: ("B", text), 0xDA: ("H", text), 0xDB: ("I", text)}
    if kind in counted:
        form, read = counted[kind]
        return read(number(form))
    if kind in (0xDC, 0xDD):
        return items(number("H" if kind == 0xDC else "I")), at
    if kind in (0xDE, 0xDF):
        return pairs(number("H" if kind == 0xDE else "I"))
    raise ValueError(f"type {kind:#x} is not expected here")


class Agent:
    def __init__(self, number, port, rpc, join, folder):
        self.name = f"agent-{number}"
        command = ["serf", "agent", f"-node={self.name}", f"-bind=127.0.0.1:{port}", f"-rpc-addr=127.0.0.1:{rpc}", "-log-level=err"]
        if join:
            command.append(f"-join=127.0.0.1:{join}")
        self.process = subprocess.Popen(command, stdout=open(f"{folder}/{self.name}.log", "wb"), stderr=subprocess.STDOUT)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", rpc))
                break
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise SystemExit(f"{self.name} did not start")
                time.sleep(0.01)
        self.buffer, self.sequence, self.heard = bytearray(), 0, 0
        self.ask("handshake", {"Version": 1}, False)

    def values(self, wait):
        """The whole values that have come, waiting for the first of them if asked to."""
        while True:
            found, at = [], 0
            try:
                while True:
                    value, at = unpack(self.buffer, at)
                    found.append(value)
            except Short:
                del self.buffer[:at]
            if found or not wait:
                return found
            self.buffer += self.socket.recv(1 << 16)

    def ask(self, command, body, answers):
        """Sends a request; its answer, if it has more than a header. What comes of the stream in between is counted."""
        self.sequence += 1
        self.socket.sendall(pack({"Command": command, "Seq": self.sequence}) + (pack(body) if body is not None else b""))
        wanted = 2 if answers else 1
        got = []
        while len(got) < wanted:
            for value in self.values(True):
                if isinstance(value, dict) and "Event" in value:
                    self.heard += 1
                elif len(got) == 1 < wanted or (isinstance(value, dict) and value.get("Seq") == self.sequence):
                    got.append(value)
        return got[-1]

    def alive(self):
        return {member["Name"].decode() for member in self.ask("members", None, True)["Members"] if member["Status"] == b"alive"}

    def listen(self):
        self.ask("stream", {"Type": "user"}, False)
        self.heard = 0


def until(agents, condition):
    begin, waiting = time.monotonic(), list(agents)
    while True:
        while waiting and condition(waiting[-1]):
            waiting.pop()
        elapsed = time.monotonic() - begin
        if not waiting:
            return elapsed
        if elapsed > PATIENCE:
            return None
        time.sleep(0.002)


def until_heard(agents, count):
    """Until every agent has heard so many events since it began to listen."""
    begin = time.monotonic()
    by_socket = {agent.socket: agent for agent in agents}
    while any(agent.heard < count for agent in agents):
        if time.monotonic() - begin > PATIENCE:
            return None
        for ready in select.select(list(by_socket), [], [], 0.1)[0]:
            agent = by_socket[ready]
            agent.buffer += ready.recv(1 << 16)
            agent.heard += sum(isinstance(value, dict) and "Event" in value for value in agent.values(False))
    return time.monotonic() - begin


def free_ports(count):
    """Free for TCP and UDP just now, and below those that the system gives to outgoing connections: nobody else takes them by chance."""
    ports, candidates = [], random.sample(range(15_000, 32_000), 17_000)
    while len(ports) < count:
        port = candidates.pop()
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
            ports.append(port)
        except OSError:
            pass
    return ports


def text(seconds):
    return "never" if seconds is None else f"{seconds * 1000:.0f} ms"


def main():
    count = int(sys.argv[1])
    if shutil.which("serf") is None:
        return print(f"serf {count}: not installed, nothing to stand beside")
    folder = tempfile.mkdtemp(prefix="hearsay-serf-")
    agents = []
    try:
        ports = free_ports(2 * count)
        begin = time.monotonic()
        for number in range(count):
            agents.append(Agent(number, ports[number], ports[count + number], ports[0] if number else None, folder))
        rise = time.monotonic() - begin
        print(f"serf {count}: started in {rise:.1f} s; all see all {text(until(agents, lambda agent: len(agent.alive()) == count))} after the last start", flush=True)
        for agent in agents:
            agent.listen()
        times = []
        for number in range(EVENTS):
            for agent in agents:
                agent.heard = 0
            agents[number * 7 % count].ask("event", {"Name": f"e{number}", "Payload": "x" * 200, "Coalesce": False}, False)
            times.append(until_heard(agents, 1))
        seen = sorted(time for time in times if time is not None)
        print(f"serf {count}: an event reaches the last agent: median {text(seen[len(seen) // 2] if seen else None)}, max {text(seen[-1] if seen else None)}, {len(seen)} of {len(times)} arrived", flush=True)
        for agent in agents:
            agent.heard = 0
        for number in range(BURST):
            agents[number % count].ask("event", {"Name": f"b{number}", "Payload": "x" * 200, "Coalesce": False}, False)
        print(f"serf {count}: {BURST} events one by one are everywhere {text(until_heard(agents, BURST))} after the last", flush=True)
        victim = agents.pop()
        victim.process.send_signal(signal.SIGKILL)
        victim.process.wait()
        print(f"serf {count}: kill -9 is noticed by all {text(until(agents, lambda agent: victim.name not in agent.alive()))} after the process is gone", flush=True)
    finally:
        for agent in agents:
            agent.process.kill()
            agent.process.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
