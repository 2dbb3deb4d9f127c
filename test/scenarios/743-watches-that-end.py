#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Stores, or proxies before them, that hold no watch, and an index that grows by what is written
elsewhere: they are asked now and then, not as fast as they answer."""
import base64
import collections
import http.server
import json
import threading
import time

from lib import tap
from lib.prober import Prober
from lib.waiting import wait_for

SECONDS = 6
WAYS = {
    "etcd, as a source": "source=http\nformat=etcd\nurl={url}/k\n",
    "Consul, as a source": "source=http\nformat=consul\nurl={url}/v1/kv/k\n",
    "etcd, for a fleet": "publish={url}/fleet\n",
    "Consul, for a fleet": "publish={url}/v1/kv/fleet\n",
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

    def log_message(self, *_):
        pass

    def body(self, path):
        if path == "/v3/kv/range":
            value = base64.b64encode(b"a.m.example.com:3306").decode()
            return {"header": {"revision": "5"}, "kvs": [{"value": value, "lease": "77"}]}
        if path == "/v3/watch":
            return {"result": {"header": {"revision": "5"}, "created": True}}
        return []

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, count = self.path.split("?")[0], self.server.count
        count[path] += 1
        text = json.dumps(self.body(path)).encode() + b"\n"
        self.send_response(404 if path.startswith("/v1/") else 200)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("X-Consul-Index", str(1000 + sum(count.values())))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = answer


def asked(way, keys):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.count = True, collections.Counter()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        keys = keys.format(url=f"http://127.0.0.1:{server.server_port}")
        begin = time.monotonic()
        with Prober(config=f"[cluster m.example.com]\nuser=u\npassword=p\n{keys}") as p:
            p.start()
            wait_for(lambda: server.count)
            time.sleep(SECONDS)  # what is counted is a time
        most, seconds = max(server.count.values()), time.monotonic() - begin
        tap.ok(most <= 2 * seconds + 2, way, f"{dict(server.count)} in {seconds:.1f} s")
        server.shutdown()


threads = [threading.Thread(target=asked, args=way) for way in WAYS.items()]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
tap.done()
