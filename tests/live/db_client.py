#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A client of databases that keeps the connections it is told to, for the tests of connections.

Commands on stdin, an answer of one line each on stdout:

  open KIND NUMBER WHERE    KIND postgresql or redis; WHERE a port of 127.0.0.1 or a path
  close NUMBER              the oldest of them
  use-first NUMBER          one question on each of the oldest
  sqlite NUMBER PATH        open handles (:memory: too)
  sqlite-close NUMBER       the oldest of them
  pq CONNINFO               PQconnectdb of libpq, and keeps it
  hiredis WHERE             redisConnect of hiredis (redisConnectUnix of a path), and keeps it
  burst NUMBER PORT         connects and closes, one after the other
  begin PORT                begins to connect, and leaves it at that
"""

import argparse
import ctypes
import ctypes.util
import socket
import sqlite3
import struct
import sys
import time

connections, handles, others = [], [], []


def read_exactly(sock, size):
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise SystemExit("the server closed the connection")
        data += more
    return data


def until_ready(sock):
    """Reads PostgreSQL's messages up to ReadyForQuery."""
    while True:
        kind, length = struct.unpack("!cI", read_exactly(sock, 5))
        read_exactly(sock, length - 4)
        if kind == b"E":
            raise SystemExit("PostgreSQL refused")
        if kind == b"Z":
            return


class PostgreSQL:
    def __init__(self, sock):
        self.sock = sock
        words = b"user\0postgres\0database\0postgres\0application_name\0client\0\0"
        sock.sendall(struct.pack("!II", len(words) + 8, 196608) + words)
        until_ready(sock)

    def use(self):
        self.sock.sendall(struct.pack("!cI", b"Q", 13) + b"select 1\0")
        until_ready(self.sock)

    def close(self):
        self.sock.sendall(struct.pack("!cI", b"X", 4))
        self.sock.close()


class Redis:
    def __init__(self, sock):
        self.sock = sock
        self.use()

    def use(self):
        self.sock.sendall(b"PING\r\n")
        read_exactly(self.sock, len(b"+PONG\r\n"))

    def close(self):
        self.sock.close()


KINDS = {"postgresql": PostgreSQL, "redis": Redis}


def connect(where):
    unix = "/" in where
    sock = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
    sock.connect(where if unix else ("127.0.0.1", int(where)))
    return sock


def do_open(kind, number, where):
    for _ in range(int(number)):
        connections.append(KINDS[kind](connect(where)))


def do_close(number):
    for _ in range(int(number)):
        connections.pop(0).close()


def do_use_first(number):
    for connection in connections[: int(number)]:
        connection.use()


def do_sqlite(number, path):
    for _ in range(int(number)):
        handle = sqlite3.connect(path)
        if path != ":memory:":
            handle.execute("create table if not exists t (x)")
        handles.append(handle)


def do_sqlite_close(number):
    for _ in range(int(number)):
        handles.pop(0).close()


def do_pq(*conninfo):
    libpq = ctypes.CDLL("libpq.so.5")
    libpq.PQconnectdb.restype = ctypes.c_void_p
    libpq.PQstatus.argtypes = [ctypes.c_void_p]
    begun = time.monotonic()
    connection = libpq.PQconnectdb(" ".join(conninfo).encode())
    others.append(connection)
    return f"{libpq.PQstatus(connection)} {time.monotonic() - begun:.6f}"


def do_hiredis(where):
    hiredis = ctypes.CDLL(ctypes.util.find_library("hiredis"))
    if "/" in where:
        hiredis.redisConnectUnix.restype = ctypes.c_void_p
        others.append(hiredis.redisConnectUnix(where.encode()))
    else:
        hiredis.redisConnect.restype = ctypes.c_void_p
        others.append(hiredis.redisConnect(b"127.0.0.1", int(where)))


def do_burst(number, port):
    for _ in range(int(number)):
        connect(port).close()


def do_begin(port):
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex(("127.0.0.1", int(port)))
    others.append(sock)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--map", action="append", default=[], help="a library to map at once")
    options = parser.parse_args()
    kept = [ctypes.CDLL(name) for name in options.map]
    print("ready", flush=True)
    commands = {
        "open": do_open, "close": do_close, "use-first": do_use_first, "sqlite": do_sqlite,
        "sqlite-close": do_sqlite_close, "pq": do_pq, "hiredis": do_hiredis, "begin": do_begin, "burst": do_burst,
    }
    for line in sys.stdin:
        word, *rest = line.split()
        answer = commands[word](*rest)
        print("done" if answer is None else f"done {answer}", flush=True)
    del kept


if __name__ == "__main__":
    main()
