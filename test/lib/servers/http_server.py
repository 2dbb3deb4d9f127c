#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A small HTTP server that answers what a scenario says, and misbehaves when told to.

    with HttpServer() as server:                    or HttpServer(lab), inside the lab
        server.answer("/doc", '{"primary": "db1"}')
        server.answer("/doc", behaviour="hang")     see BEHAVIOURS
        server.answer("/kv", body, index=7)         held while a question carries ?index=7
        server.request("/doc")                      the next request seen: method, path, headers,
        body

It runs as a process of its own, told what to do on its standard input, so that it may live in
another network namespace than the scenario.
"""
import base64
import json
import os
import queue
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HUGE = 10 << 20
BEHAVIOURS = ("ok", "hang", "close", "garbage", "huge", "redirect", "trickle")


class HttpServer:
    def __init__(self, lab=None):
        self.lab = lab

    def __enter__(self):
        command = [sys.executable, "-B", os.path.abspath(__file__)]
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = (self.lab.popen(*command, **options) if self.lab
                        else subprocess.Popen(command, **options))
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.url = f"http://127.0.0.1:{self.port}"
        self.seen = []
        self.news = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _listen(self):
        for line in self.process.stdout:
            message = json.loads(line)
            if "done" not in message:
                self.seen.append(message)
            self.news.put(message)

    def answer(self, path, body="", status=200, headers=None, behaviour="ok", index=None,
               method=None, contains=""):
        """From now on, for this path (and method, and bodies with these words, if named)."""
        assert behaviour in BEHAVIOURS
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        self._tell({"path": path, "body": body, "status": status, "headers": headers or {},
                    "behaviour": behaviour, "index": index, "method": method,
                    "contains": contains})

    def _tell(self, command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def requests(self, path):
        return [r for r in self.seen if r["path"].split("?")[0] == path]

    def request(self, path, seconds=20, after=0):
        """The first request to this path beyond the first `after` ones; raises if none comes."""
        until = time.monotonic() + seconds
        while len(self.requests(path)) <= after:
            try:
                self.news.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"no request to {path} within {seconds} s") from None
        return self.requests(path)[after]


class Routes:
    def __init__(self):
        self.changed = threading.Condition()
        self.table = {}

    def set(self, command):
        with self.changed:
            key = command["method"], command["path"], command["contains"]
            self.table[key] = command
            self.changed.notify_all()

    def find(self, method, path, body=""):
        """The most particular one that fits."""
        fits = [c for (m, p, words), c in self.table.items()
                if p == path and m in (None, method) and words in body]
        return max(fits, key=lambda c: (len(c["contains"]), c["method"] is not None), default=None)

    def wait(self, method, path, index, seconds):
        """As Consul: waits while the index is what the question knows."""
        until = time.monotonic() + seconds
        with self.changed:
            while True:
                route = self.find(method, path)
                left = until - time.monotonic()
                if not route or route["index"] != index or left <= 0:
                    return route
                self.changed.wait(left)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    routes = Routes()
    printing = threading.Lock()

    def log_message(self, *_):
        pass

    def _take(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        message = {"method": self.command, "path": self.path, "headers": dict(self.headers),
                   "body": body.decode(errors="replace")}
        with self.printing:
            print(json.dumps(message), flush=True)
        return message["body"]

    def _send(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _misbehave(self, behaviour):
        if behaviour == "hang":
            while self.connection.recv(1):
                pass
        elif behaviour == "garbage":
            self.wfile.write(base64.b64decode("AAEC/v8=") * 50)
        elif behaviour == "huge":
            self._send(200, b" " * HUGE, {})
        elif behaviour == "redirect":
            self._send(302, b"", {"Location": "http://127.0.0.1:1/elsewhere"})
        elif behaviour == "trickle":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            while True:
                self.wfile.write(b" ")
                time.sleep(0.2)
        self.close_connection = True

    def _serve(self):
        path, _, query = self.path.partition("?")
        known = dict(p.partition("=")[::2] for p in query.split("&")).get("index")
        sent = self._take()
        route = (self.routes.wait(self.command, path, int(known), 55) if known
                 else self.routes.find(self.command, path, sent))
        if not route:
            self._send(404, b"", {})
        elif route["behaviour"] != "ok":
            self._misbehave(route["behaviour"])
        else:
            headers = dict(route["headers"])
            if route["index"] is not None:
                headers["X-Consul-Index"] = str(route["index"])
            self._send(route["status"], route["body"].encode(), headers)

    def do_GET(self):
        try:
            self._serve()
        except OSError:
            self.close_connection = True

    do_POST = do_PUT = do_DELETE = do_GET


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass


def main():
    server = Server(("127.0.0.1", 0), Handler)
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for line in sys.stdin:
        Handler.routes.set(json.loads(line))
    server.shutdown()


if __name__ == "__main__":
    main()
