#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""PHP behind a web server as a row of the client matrix: any.php, asked over HTTP.

    web.py fpm|workers WRITER READER CA     fpm: nginx before 8 children of php-fpm
                                            workers: php -S with 8 workers

Connections are persistent ones of mysqli.  A transaction is one request that waits in its middle.
"""
import concurrent.futures
import glob
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

KIND, WRITER, READER, CA = sys.argv[1:5]
SCRIPT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "php", "any.php")
WORDS = {"kind": "mysqli-persistent", "writer": WRITER, "reader": READER, "ca": CA}
CHILDREN = 8
FPM = """[global]
error_log = {folder}/fpm.log
daemonize = no
[www]
listen = {folder}/fpm.sock
listen.mode = 0666
pm = static
pm.max_children = {children}
clear_env = no
{user}
"""
NGINX = """{user}daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 64; }}
http {{
	access_log off;
	client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
	uwsgi_temp_path {folder}; scgi_temp_path {folder};
	server {{
		listen unix:{folder}/web.sock;
		location / {{
			fastcgi_pass unix:{folder}/fpm.sock;
			fastcgi_read_timeout 60s;
			fastcgi_param SCRIPT_FILENAME {script};
			fastcgi_param REQUEST_METHOD GET;
			fastcgi_param QUERY_STRING $query_string;
		}}
	}}
}}
"""


class Connection(http.client.HTTPConnection):
    def __init__(self, address):
        super().__init__("localhost", timeout=60)
        self.address = address

    def connect(self):
        unix = isinstance(self.address, str)
        self.sock = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        self.sock.settimeout(60)
        self.sock.connect(self.address)


class Web:
    def __init__(self, folder):
        self.folder, self.processes = folder, []
        self.pool = concurrent.futures.ThreadPoolExecutor(CHILDREN)
        self.held, self.file = None, None
        self.address = self.fpm() if KIND == "fpm" else self.workers()
        self.wait_ready()

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *command, **env):
        self.processes.append(subprocess.Popen(
            command, env={**os.environ, **env}, stdin=subprocess.DEVNULL,
            stdout=open(self.path("log"), "a"), stderr=subprocess.STDOUT))

    def fpm(self):
        root = os.geteuid() == 0
        for name, text, user in (("fpm.conf", FPM, "user = root\ngroup = root"),
                                 ("nginx.conf", NGINX, "user root;\n")):
            with open(self.path(name), "w") as out:
                out.write(text.format(folder=self.folder, children=CHILDREN, script=SCRIPT,
                                      user=user if root else ""))
        binary = sorted(glob.glob("/usr/sbin/php-fpm*"))[0]
        self.start(binary, "-y", self.path("fpm.conf"), "-R")
        self.start("/usr/sbin/nginx", "-c", self.path("nginx.conf"), "-p", self.folder)
        return self.path("web.sock")

    def workers(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.start("php", "-S", f"127.0.0.1:{port}", SCRIPT, PHP_CLI_SERVER_WORKERS=str(CHILDREN))
        return ("127.0.0.1", port)

    def wait_ready(self):
        end = time.monotonic() + 30
        while True:
            try:
                return self.get(line="x 0")
            except (OSError, ValueError, http.client.HTTPException):
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def get(self, **words):
        one = Connection(self.address)
        one.request("GET", "/?" + urllib.parse.urlencode({**WORDS, **words}))
        answer = one.getresponse()
        return json.loads(answer.read())

    def told(self, **words):
        try:
            return self.get(**words)
        except (OSError, ValueError, http.client.HTTPException) as error:
            return {"ok": 0, "errors": [f"HTTP: {error}"], "value": None}

    def hold(self, sql):
        """BEGIN and the first statement go with the request; the second ones let it go on."""
        told = {"ok": 1, "errors": [], "value": None}
        if sql == "BEGIN":
            self.file = tempfile.mktemp(dir=self.folder)
        elif self.held is None:
            self.held = self.pool.submit(self.told, line=sql, file=self.file)
            while not os.path.exists(self.file + ".begun") and not self.held.done():
                time.sleep(0.005)
        else:
            with open(self.file, "w"):
                pass
            told, self.held = self.held.result(), None
        return told

    def answer(self, line):
        verb, n, sql = (line.split(" ", 2) + [""])[:3]
        if verb == "h":
            return self.hold(sql)
        jobs = [self.pool.submit(self.told, line=f"{verb} 1 {sql}")
                for _ in range(int(n))] if verb != "x" else []
        all_told = [j.result() for j in jobs]
        return {"ok": sum(t["ok"] for t in all_told),
                "errors": [e for t in all_told for e in t["errors"]],
                "value": next((t["value"] for t in all_told), None)}

    def end(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()


def main():
    folder = tempfile.mkdtemp(prefix="pweb-")
    os.chmod(folder, 0o755)
    web = None
    try:
        web = Web(folder)
        for line in sys.stdin:
            print(json.dumps(web.answer(line.rstrip("\n"))), flush=True)
    finally:
        if web:
            web.end()
        shutil.rmtree(folder, ignore_errors=True)


main()
