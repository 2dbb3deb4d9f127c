#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A Consul in small: the KV store, sessions, transactions and blocking queries, as its HTTP API has
them.

    consul_server.py PORT

What matters to who waits for a leader's end is as there: no session shorter than 10 s, a silent one
ends only after twice its time, a lock delay of 15 s unless another is asked for, and an entry that
is written as it was keeps its index.
"""
import base64
import json
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

UNITS = {"ms": 0.001, "s": 1, "m": 60}


def seconds(text, otherwise=0):
    for unit, factor in UNITS.items():
        number = (text or "").removesuffix(unit)
        if number != text and number.isdigit():
            return int(number) * factor
    return otherwise


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Store:
    def __init__(self):
        self.changed = threading.Condition()
        self.index = 10
        self.entries = {}
        self.sessions = {}
        self.delays = {}

    # Everything below is called with the lock held.

    def _next(self):
        self.index += 1
        self.changed.notify_all()
        return self.index

    def create(self, words):
        ttl = words.get("TTL", "")
        if ttl and not 10 <= seconds(ttl) <= 86400:
            raise Refused(400, f"Invalid Session TTL '{ttl}', must be between [10s=24h0m0s]")
        session = {"ID": str(uuid.uuid4()), "Name": words.get("Name", ""), "TTL": ttl,
                   "Behavior": words.get("Behavior", "release"),
                   "delay": seconds(words.get("LockDelay"), 15), "end": None}
        self.sessions[session["ID"]] = session
        self.renew(session["ID"])
        self._next()
        return {"ID": session["ID"]}

    def renew(self, key):
        session = self.sessions.get(key)
        if not session:
            raise Refused(404, f"Session id '{key}' not found")
        if session["TTL"]:
            session["end"] = time.monotonic() + 2 * seconds(session["TTL"])
        return [{k: session[k] for k in ("ID", "Name", "TTL", "Behavior")}]

    def destroy(self, key):
        session = self.sessions.pop(key, None)
        for name, entry in list(self.entries.items()) if session else ():
            if entry["Session"] != key:
                continue
            if session["delay"]:
                self.delays[name] = time.monotonic() + session["delay"]
            if session["Behavior"] == "delete":
                del self.entries[name]
                self._next()
            else:
                self._write(name, {**entry, "Session": None})
        return True

    def expire(self):
        now = time.monotonic()
        for session in [s for s in self.sessions.values() if s["end"] and s["end"] <= now]:
            self.destroy(session["ID"])

    def _write(self, name, entry):
        old = self.entries.get(name)
        same = old and all(old[k] == entry[k] for k in ("Value", "Flags", "Session"))
        if same:
            return
        index = self._next()
        entry = {**entry, "Key": name, "ModifyIndex": index,
                 "CreateIndex": old["CreateIndex"] if old else index}
        entry["LockIndex"] = (old["LockIndex"] if old else 0) + int(
            bool(entry["Session"]) and (not old or old["Session"] != entry["Session"]))
        self.entries[name] = entry

    def put(self, name, value, flags=0, acquire=None, release=None):
        old = self.entries.get(name)
        holder = old["Session"] if old else None
        if acquire:
            if acquire not in self.sessions:
                raise Refused(500, f"invalid session {acquire!r}")
            if holder not in (None, acquire) or self.delays.get(name, 0) > time.monotonic():
                return False
            holder = acquire
        if release:
            if holder != release:
                return False
            holder = None
        self._write(name, {"Value": value, "Flags": flags, "Session": holder})
        return True

    def delete(self, name):
        if self.entries.pop(name, None):
            self._next()
        return True

    def get(self, name):
        """The entry, or None, and the index of that answer."""
        entry = self.entries.get(name)
        return entry, entry["ModifyIndex"] if entry else self.index

    def transact(self, operations):
        kept = dict(self.entries)
        try:
            for i, operation in enumerate(operations):
                self._operate(operation["KV"], i)
        except Refused:
            self.entries = kept
            raise

    def _operate(self, kv, i):
        name, entry = kv["Key"], self.entries.get(kv["Key"])
        good = {
            "check-not-exists": lambda: entry is None,
            "check-session": lambda: entry is not None and entry["Session"] == kv["Session"],
            "lock": lambda: self.put(name, base64.b64decode(kv["Value"]), kv.get("Flags", 0),
                                     acquire=kv["Session"]),
        }[kv["Verb"]]
        try:
            why = None if good() else f"{kv['Verb']} failed"
        except Refused as refused:
            why = str(refused)
        if why:
            errors = [{"OpIndex": i, "What": why}]
            raise Refused(409, json.dumps({"Results": None, "Errors": errors}))


STORE = Store()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def _send(self, status, value, index=None):
        body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if index:
            self.send_header("X-Consul-Index", str(index))
        self.end_headers()
        self.wfile.write(body)

    def _entry(self, name, query):
        """As a blocking query if there is an index: until the answer's is another one."""
        known = int(query.get("index", 0))
        until = time.monotonic() + seconds(query.get("wait"), 300)
        entry, index = STORE.get(name)
        while known and index <= known and time.monotonic() < until:
            STORE.changed.wait(until - time.monotonic())
            entry, index = STORE.get(name)
        if not entry:
            return 404, "", index
        shown = {**entry, "Value": base64.b64encode(entry["Value"]).decode()}
        if not shown["Session"]:
            del shown["Session"]
        return 200, [shown], index

    def _serve(self, path, query, body):
        if path == "/v1/session/create":
            return 200, STORE.create(json.loads(body or "{}"))
        if path.startswith("/v1/session/renew/"):
            return 200, STORE.renew(path.rpartition("/")[2])
        if path.startswith("/v1/session/destroy/"):
            return 200, STORE.destroy(path.rpartition("/")[2])
        if path == "/v1/txn":
            STORE.transact(json.loads(body))
            return 200, {"Results": [], "Errors": None}
        if path == "/v1/status/leader":
            return 200, "\"127.0.0.1:8300\""
        name = path.removeprefix("/v1/kv/")
        if self.command == "GET":
            return self._entry(name, query)
        if self.command == "DELETE":
            return 200, STORE.delete(name)
        return 200, STORE.put(name, body, int(query.get("flags", 0)), query.get("acquire"),
                              query.get("release"))

    def _answer(self):
        path, _, words = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with STORE.changed:
            STORE.expire()
            try:
                answer = self._serve(path, dict(parse_qsl(words)), body)
            except Refused as refused:
                answer = refused.status, str(refused)
        self._send(*answer)

    def do_GET(self):
        try:
            self._answer()
        except OSError:
            self.close_connection = True

    do_PUT = do_DELETE = do_GET


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass


def main():
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        with STORE.changed:
            STORE.expire()
            STORE.changed.wait(0.2)


if __name__ == "__main__":
    main()
