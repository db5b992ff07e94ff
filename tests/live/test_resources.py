# SPDX-License-Identifier: GPL-2.0-only
"""Sockets, storage and the host's CPUs: against the target's own byte counts, ss, /proc, pidstat."""

import os
import re
from pathlib import Path

from harness import TARGETS, Failure, Process, Skip, test, wait_until

KINDS = ("network", "network.loopback", "network.unix")
MIB = 1 << 20


def totals(target):
    """(sent, received) of each kind, as the calls of the target returned them."""
    words = [int(word) for word in target.command("totals").split()[1:]]
    return {kind: (words[2 * i], words[2 * i + 1]) for i, kind in enumerate(KINDS)}


def seen(watch):
    """The same, as cheshire has it just now."""
    summary = watch.summary_now()
    return {
        kind: tuple(summary.value(f"io.{kind}.{way}_bytes") or 0 for way in ("sent", "received"))
        for kind in KINDS
    }


def gained(now, before):
    return {kind: (now[kind][0] - before[kind][0], now[kind][1] - before[kind][1]) for kind in now}


def ended(t, target, watch):
    """Both are ended in order; nothing was lost, and the target's own checks were good."""
    summary = watch.stop()
    t.no_drops(summary)
    target.send_line("quit")
    target.finish()
    return summary


def listen(peer, family, kind):
    return int(peer.command(f"listen {family} {kind}").split()[1])


@test(120)
def tcp_over_loopback(t):
    peer = t.target("traffic", wait=False, name="peer")
    four, six = listen(peer, 4, 1), listen(peer, 6, 1)
    target = t.target("traffic", wait=False)
    for slot, (family, host, port) in enumerate(
        [(4, "127.0.0.1", four), (6, "::1", six), (6, "::ffff:127.0.0.1", four)]
    ):
        target.command(f"open {slot} {family} {host} {port} 1")
        target.command(f"talk {slot} 12345 54321")
    # What went through these connections before is nobody's business.
    before = totals(target)
    watch = t.watch(target.pid)
    for slot in range(3):
        target.command(f"talk {slot} {1000003 + slot} {2000029 + slot}")
        target.command(f"file {slot} 3000017")
    target.command("half 0")
    target.command("close 1")
    target.command("reset 2")
    target.command(f"open 3 4 127.0.0.7 {four} 1")
    target.command("talk 3 1 1")
    t.equal(seen(watch), gained(totals(target), before), "bytes")
    # Nothing is counted again at the end of a connection, nor in a later round.
    target.command("close 0")
    target.command("inherit 3 70001 80003")
    target.command("close 3")
    for _ in range(3):
        t.equal(seen(watch), gained(totals(target), before), "bytes, when all is closed")
    summary = ended(t, target, watch)
    t.equal(summary.entry("io.network.loopback")["quality"], "exact", "quality")


@test(120)
def thousands_of_short_connections(t):
    """Both ends are watched: the one that connects, and the one that accepts."""
    peer = t.target("traffic", wait=False, name="peer")
    old = listen(peer, 4, 1)
    target = t.target("traffic", wait=False)
    watch = t.watch(target.pid)
    watch_peer = t.watch(peer.pid)
    new = listen(peer, 6, 1)
    target.command(f"short 3000 4 127.0.0.1 {old} 1 1009 2003 0", 60)
    target.command(f"short 1000 6 ::1 {new} 1 100003 7 0", 60)
    t.equal(seen(watch), totals(target), "bytes of the one that connects")
    # The peer's threads may not have closed the last ones yet, but they have counted them.
    t.equal(seen(watch_peer), totals(peer), "bytes of the one that accepts")
    target.command(f"short 2000 4 127.0.0.1 {old} 1 11 13 1", 60)
    t.equal(seen(watch), totals(target), "bytes of the one that resets")
    t.equal(seen(watch_peer), totals(peer), "bytes of the one that is reset")
    watch_peer.stop()
    ended(t, target, watch)


class Namespace:
    """A network namespace at the other end of a veth pair; gone with the case."""

    def __init__(self, t):
        self.name = f"cheshire-{os.getpid()}"
        near, far = f"ch{os.getpid()}a"[:15], f"ch{os.getpid()}b"[:15]
        self.t = t
        t.cleanups.append(self.remove)
        for command in (
            f"netns add {self.name}",
            f"link add {near} type veth peer name {far} netns {self.name}",
            f"addr add 198.18.250.1/30 dev {near}",
            f"addr add 2001:db8::1/64 dev {near} nodad",
            f"link set {near} up",
            f"-n {self.name} addr add 198.18.250.2/30 dev {far}",
            f"-n {self.name} addr add 2001:db8::2/64 dev {far} nodad",
            f"-n {self.name} link set {far} up",
        ):
            done = t.run("ip", *command.split())
            if done.returncode:
                raise Skip(f"no network namespaces here: ip {command}: {done.stderr.strip()}")

    def remove(self):
        self.t.run("ip", "netns", "del", self.name)


class Inside:
    """The path of a script that starts the program in the namespace."""

    def __init__(self, t, namespace, program):
        self.path = t.write(
            "inside.sh", f'#!/bin/sh\nexec ip netns exec {namespace} {program} "$@"\n'
        )
        self.path.chmod(0o755)


def ss_bytes(t, port):
    """(sent once, received) of the connection to that port, by ss."""
    done = t.run("ss", "-tinH", f"( dport = :{port} )")
    found = {key: int(n) for key, n in re.findall(r"\b(bytes_\w+):(\d+)", done.stdout)}
    if "bytes_sent" not in found:
        raise Failure(f"ss says nothing of port {port}: {done.stdout} {done.stderr}")
    return found["bytes_sent"] - found.get("bytes_retrans", 0), found["bytes_received"]


@test(120)
def tcp_to_another_host(t):
    """The other host is a network namespace; to an address of this one it is loopback."""
    namespace = Namespace(t)
    peer = t.target(
        Inside(t, namespace.name, TARGETS / "traffic").path, wait=False, name="peer"
    )
    four, six = listen(peer, 4, 0), listen(peer, 6, 0)
    near = t.target("traffic", wait=False, name="near")
    own = listen(near, 4, 1)
    target = t.target("traffic", wait=False)
    target.command(f"open 0 4 198.18.250.2 {four} 0")
    target.command("talk 0 999 999")
    start = ss_bytes(t, four)
    before = totals(target)
    watch = t.watch(target.pid)
    target.command(f"open 1 6 2001:db8::2 {six} 0")
    target.command("talk 0 4000037 5000011")
    target.command("file 1 1000003")
    target.command("talk 1 17 6000000")
    target.command(f"short 500 6 2001:db8::2 {six} 0 1500 2500 0")
    target.command(f"open 2 4 198.18.250.1 {own} 1")
    target.command("talk 2 8191 8193")
    t.equal(seen(watch), gained(totals(target), before), "bytes")
    now = ss_bytes(t, four)
    t.equal((now[0] - start[0], now[1] - start[1]), (4000053, 5000011), "bytes by ss")
    far, here = totals(peer), totals(target)
    t.equal(far["network"], tuple(reversed(here["network"])), "bytes of the other end")
    # A rate needs half a second, and three of them are a mean worth the name.
    wait_until(lambda: watch.summary_now().entry("io.network")["n"] >= 3, 5, "rates")
    summary = ended(t, target, watch)
    elapsed_s = summary.overhead()["elapsed_ns"] / 1e9
    bits = 8 * sum(gained(here, before)["network"])
    # The newest half second may be missing from the time that the rate covers.
    t.between(
        summary.number("io.network"), bits / elapsed_s, bits / (elapsed_s - 0.6), "mean, bit/s"
    )
    near.send_line("quit")
    near.finish()
    peer.send_line("quit")
    peer.finish()


@test(120)
def udp_and_unix_sockets(t):
    target = t.target("traffic", wait=False)
    target.command("udp 10 100 1")
    before = totals(target)
    watch = t.watch(target.pid, "sockets: { datagrams: yes }\n")
    if watch.summary_now().value("io.network.unix.sent_bytes") is None:
        raise Skip("this kernel has no hooks on sends and receives")
    target.command("udp 500 1003 1")
    target.command("udp 300 505 0")
    target.command("unix stream 700 2001")
    target.command("unix dgram 400 4001")
    t.equal(seen(watch), gained(totals(target), before), "bytes")
    summary = ended(t, target, watch)
    t.equal(summary.entry("io.network.unix")["quality"], "exact", "quality")


@test(120)
def udp_and_unix_sockets_unasked(t):
    """What is not counted is said to be so: unix sockets at once, UDP where there is a socket."""
    target = t.target("traffic", wait=False)
    watch = t.watch(target.pid)
    target.command("unix stream 10 100")
    summary = watch.summary_now()
    t.equal(summary.entry("io.network.unix.sent_bytes")["quality"], "unknown", "unix sockets")
    t.equal(summary.value("io.network.unix.sent_bytes"), None, "bytes of unix sockets")
    t.equal(summary.entry("io.network.sent_bytes")["quality"], "exact", "without UDP")
    target.command("keep")
    t.equal(watch.summary_now().entry("io.network.sent_bytes")["quality"], "partial", "with UDP")
    ended(t, target, watch)


@test(120)
def connections_of_the_users_port(t):
    """Accepted and established, each once, whatever else the server has open."""
    server = t.target("traffic", wait=False, name="server")
    port, other = listen(server, 4, 1), listen(server, 6, 1)
    target = t.target("traffic", wait=False)
    target.command(f"open 0 4 127.0.0.1 {port} 1")
    watch = t.watch(server.pid, f"users: {{ port: {port} }}\n")
    for slot in range(1, 6):
        target.command(f"open {slot} 4 127.0.0.1 {port} 1")
        target.command(f"talk {slot} 1 1")
    target.command(f"open 6 6 ::1 {other} 1")
    t.equal(watch.summary_now().number("users.connections"), 6, "connections")
    target.command("close 0")
    target.command("reset 1")
    # The server has to see the end of the one before it closes its own side.
    wait_until(
        lambda: watch.summary_now().number("users.connections") == 4, 5, "four connections left"
    )
    t.check(True, "four connections left")
    watch.stop()
    target.send_line("quit")
    target.finish()


def proc_io(pid):
    text = Path(f"/proc/{pid}/io").read_text(encoding="ascii")
    return {key: int(value) for key, value in re.findall(r"(\w+): (\d+)", text)}


@test(120)
def bytes_to_and_from_storage(t):
    target = t.target("traffic", wait=False)
    path = t.dir / "data"
    before = proc_io(target.pid)
    watch = t.watch(target.pid)
    base = proc_io(target.pid)
    pidstat = Process(
        t, "pidstat", ["stdbuf", "-oL", "pidstat", "-d", "-h", "-p", target.pid, "1", "6"]
    )
    # Its first report: from now on it misses nothing.
    pidstat.lines.wait(lambda line: "kB_wr/s" in line, 20, "pidstat's first report")
    target.command(f"write {path} {20 * MIB}")
    target.command(f"read {path}")
    now = proc_io(target.pid)
    summary = watch.summary_now()
    read, written = summary.number("io.disk.read"), summary.number("io.disk.write")
    t.check(now["write_bytes"] - base["write_bytes"] >= 20 * MIB, "the target wrote 20 MiB")
    if now["read_bytes"] == base["read_bytes"]:
        raise Skip("reads of this file system are not counted as storage")
    for got, key in ((read, "read_bytes"), (written, "write_bytes")):
        t.between(got, now[key] - base[key], now[key] - before[key], f"{key} by /proc/PID/io")
    t.equal(summary.number("io.disk"), read + written, "both together")
    t.equal(pidstat.wait(), 0, "pidstat's status")
    rows = [line.split() for line in pidstat.out_path.read_text("utf-8").splitlines()]
    head = next(row[1:] for row in rows if "kB_wr/s" in row)
    rows = [row for row in rows if len(row) >= len(head) and row[0][0].isdigit()]
    for got, column in ((read, "kB_rd/s"), (written, "kB_wr/s")):
        said = sum(float(row[head.index(column)]) for row in rows) * 1024
        t.near(got, said, f"bytes by pidstat -d, {column}", 0.05, 200000)
    ended(t, target, watch)


def host_ticks():
    words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    user, nice, system, idle, iowait, irq, softirq, steal = map(int, words)
    busy = user + nice + system + irq + softirq
    return busy, steal, busy + steal + idle + iowait


@test(120)
def cpu_of_the_whole_host(t):
    target = t.target("memory", wait=False)
    watch = t.watch(target.pid)
    before = host_ticks()
    target.command("burn 3000")
    now = host_ticks()
    summary = watch.summary_now()
    busy, steal, total = (b - a for a, b in zip(before, now))
    # The session is some tenths of a second longer than the time between our two readings.
    t.near(summary.number("host.cpu.usage"), 100 * busy / total, "host.cpu.usage", 0.1, 8)
    t.near(summary.number("host.cpu.steal"), 100 * steal / total, "host.cpu.steal", 0.1, 5)
    share = summary.number("cpu.usage.average")
    t.check(summary.number("host.cpu.usage") > share - 3, "the host's share holds the target's")
    ended(t, target, watch)


BUDGETS = """budgets:
  io.disk: { window: 1h, for: 0s, target: 1MB, warning: 4MB, critical: 16MB, alert: Disk I/O Rate }
  io.network.loopback: { window: 1m, for: 0s, target: 1Mbps, warning: 2Mbps, critical: 500Mbit/s }
"""


@test(120)
def budgets_of_storage_and_network(t):
    peer = t.target("traffic", wait=False, name="peer")
    port = listen(peer, 4, 1)
    target = t.target("traffic", wait=False)
    watch = t.watch(target.pid, BUDGETS)
    target.command(f"write {t.dir / 'data'} {6 * MIB}")
    alert = watch.wait_alert("io.disk", "firing", 5)[1]
    t.equal(alert["severity"], "warning", "severity of storage")
    t.check("less than its window" in alert["reason"], "the alert says that it is no hour yet")
    target.command(f"write {t.dir / 'data'} {16 * MIB}")
    watch.wait_for(
        "alert", 5, lambda a: a["metric"] == "io.disk" and a["severity"] == "critical"
    )
    target.command(f"short 20 4 127.0.0.1 {port} 1 1000000 1000000 0")
    alert = watch.wait_alert("io.network.loopback", "firing", 5)[1]
    t.equal(alert["severity"], "warning", "severity of the network")
    t.equal(alert["unit"], "bit/s", "unit of the network")
    ended(t, target, watch)
