# SPDX-License-Identifier: GPL-2.0-only
"""The servers that other tests stand on say what these tests take for truth."""

import socket

from harness import test
from servers import Postgres, Redis


@test(90)
def postgres_answers_on_loopback(t):
    server = Postgres(t, tcp=True)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10):
        pass
    server.sql("create extension pg_stat_statements")
    server.sql("select 1 + 1")
    rows = server.sql("select calls from pg_stat_statements where query like 'select $1 + $2%'")
    t.equal(rows, [["1"]], "calls in pg_stat_statements")
    server.stop()


@test(60)
def redis_answers_on_loopback(t):
    server = Redis(t)
    t.equal(len(server.clients()), 0, "clients of a new server")
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"PING\r\n")
        t.equal(client.recv(64), b"+PONG\r\n", "answer to PING")
        t.equal(len(server.clients()), 1, "clients")
    server.stop()
