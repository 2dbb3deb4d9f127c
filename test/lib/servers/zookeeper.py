# SPDX-License-Identifier: Apache-2.0
"""A real ZooKeeper for scenarios, of one server or of several, and one that says what a test wants.

    with Ensemble(3, folder) as zk:
        zk.put("/shop/db", "text")          made if it is not there; when that was sent
        zk.members[0].kill()
"""
import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

from lib.servers.exactly import exactly
from lib.waiting import wait_for

JAR = "/usr/share/java/zookeeper.jar"
JAVA = ["java", "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp",
        f"{JAR}:/usr/share/java/slf4j-simple.jar",
        "org.apache.zookeeper.server.quorum.QuorumPeerMain"]
CREATE, DELETE, GET, SET, EXISTS, PING, CLOSE = 1, 2, 4, 5, 3, 11, -11
EVENT, NO_NODE = -1, -101
SESSION_MS = 4000


def present():
    return os.path.exists(JAR) and shutil.which("java")


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("!i", len(data)) + data


def receive(s):
    """What stands behind the length that it begins with."""
    return exactly(s, struct.unpack("!i", exactly(s, 4))[0])


class Refused(Exception):
    pass


class Client:
    """A session of one connection."""

    def __init__(self, address, limit=5):
        self.xid = 0
        self.socket = socket.create_connection(address, timeout=limit)
        try:
            self._send(struct.pack("!iqiq", 0, 0, 10000, 0) + text(bytes(16)) + b"\0")
            self._receive()
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._send(struct.pack("!ii", 0, CLOSE))
        self.socket.close()

    def _send(self, body):
        self.socket.sendall(text(body))

    def _receive(self):
        return receive(self.socket)

    def call(self, operation, body):
        """(error, what follows); self.sent_ns is when it went."""
        self.xid += 1
        self.sent_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._send(struct.pack("!ii", self.xid, operation) + body)
        answer = self._receive()
        return struct.unpack("!i", answer[12:16])[0], answer[16:]

    def event(self):
        """Waits for one."""
        self.socket.settimeout(1)
        while True:
            try:
                if struct.unpack("!i", self._receive()[:4])[0] == EVENT:
                    return
            except TimeoutError:
                self._send(struct.pack("!ii", EVENT - 1, PING))

    def create(self, path, value):
        acl = struct.pack("!ii", 1, 31) + text("world") + text("anyone")
        return self.call(CREATE, text(path) + text(value) + acl + struct.pack("!i", 0))[0]

    def put(self, path, value):
        error = self.call(SET, text(path) + text(value) + struct.pack("!i", -1))[0]
        if error == NO_NODE:
            for end in [i for i, c in enumerate(path) if c == "/" and i]:
                self.create(path[:end], "")
            error = self.create(path, value)
        if error:
            raise Refused(error)
        return self.sent_ns

    def delete(self, path):
        error = self.call(DELETE, text(path) + struct.pack("!i", -1))[0]
        if error not in (0, NO_NODE):
            raise Refused(error)


class Watcher(threading.Thread):
    """A client that does nothing but follow a node: (moment, value) as it has read each."""

    def __init__(self, address, path):
        super().__init__(daemon=True)
        self.path, self.seen, self.client = path, [], Client(address)
        self.start()

    def run(self):
        with contextlib.suppress(OSError, struct.error):
            while True:
                error, answer = self.client.call(GET, text(self.path) + b"\1")
                moment = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
                if not error:
                    size = struct.unpack("!i", answer[:4])[0]
                    self.seen.append((moment, answer[4:4 + size].decode()))
                self.client.event()

    def since(self, since_ns, value):
        return next((t for t, v in list(self.seen) if t >= since_ns and v == value), None)

    def end(self):
        self.client.socket.shutdown(socket.SHUT_RDWR)
        self.join()
        self.client.socket.close()


class Member:
    def __init__(self, ensemble, number, address):
        self.ensemble, self.number, self.address, self.process = ensemble, number, address, None
        self.folder = os.path.join(ensemble.folder, f"zk{number}")
        os.makedirs(os.path.join(self.folder, "data"))
        with open(os.path.join(self.folder, "data", "myid"), "w") as out:
            out.write(str(number))

    def configure(self, peers):
        with open(os.path.join(self.folder, "zoo.cfg"), "w") as out:
            out.write(f"tickTime=500\ninitLimit=20\nsyncLimit=6\nminSessionTimeout={SESSION_MS}\n"
                      f"dataDir={self.folder}/data\nclientPort={self.address[1]}\n"
                      f"clientPortAddress={self.address[0]}\n4lw.commands.whitelist=*\n"
                      "admin.enableServer=false\npreAllocSize=64\n" + peers)

    def start(self):
        with open(os.path.join(self.folder, "log"), "a") as log:
            self.process = subprocess.Popen([*JAVA, os.path.join(self.folder, "zoo.cfg")],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def signal(self, number):
        self.process.send_signal(number)

    def word(self, four):
        """What it says to one of its four-letter words; "" if it does not."""
        try:
            with socket.create_connection(self.address, timeout=2) as s:
                s.sendall(four.encode())
                answer = b""
                while more := s.recv(65536):
                    answer += more
                return answer.decode()
        except OSError:
            return ""

    def sessions(self):
        """How many sessions there are with it."""
        return self.word("cons").count("sid=")

    def log(self):
        with open(os.path.join(self.folder, "log")) as log:
            return log.read()


class Ensemble:
    def __init__(self, count, folder, addresses=None):
        self.folder = folder
        addresses = addresses or [(f"127.0.0.{10 + n}", 2181) for n in range(1, count + 1)]
        self.members = [Member(self, n, a) for n, a in enumerate(addresses, 1)]
        peers = "".join(f"server.{m.number}={m.address[0]}:2888:3888\n" for m in self.members)
        for member in self.members:
            member.configure(peers if count > 1 else "")

    def __enter__(self):
        for member in self.members:
            member.start()
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for member in self.members:
            if member.process:
                member.signal(signal.SIGCONT)
            member.kill()

    def wait(self):
        """Until each that runs serves."""
        for member in self.members:
            if member.process:
                wait_for(lambda m=member: "zk_server_state" in m.word("mntr") or
                         m.process.poll() is not None, 90, 0.1)
                if member.process.poll() is not None:
                    raise RuntimeError(member.log()[-2000:])

    def any(self, deed, seconds=30):
        """Has some member do it."""
        end = time.monotonic() + seconds
        while True:
            for member in self.members:
                if not member.process:
                    continue
                try:
                    with Client(member.address) as client:
                        return deed(client)
                except (OSError, struct.error):
                    continue
            if time.monotonic() > end:
                raise TimeoutError("no member does it")
            time.sleep(0.1)

    def put(self, path, value):
        return self.any(lambda c: c.put(path, value))

    def delete(self, path):
        return self.any(lambda c: c.delete(path))


def frame(*parts):
    return text(b"".join(parts))


def greeting(read_only=0, session=100):
    return frame(struct.pack("!iiq", 0, SESSION_MS, session), text(bytes(16)), bytes([read_only]))


def answer(xid, error=0, body=b""):
    return frame(struct.pack("!iqi", xid, 7, error), body)


def data(value, changed):
    """With the number of the change that made it."""
    return text(value) + struct.pack("!qq", changed, changed) + bytes(52)


def event(path):
    """It is another now."""
    return answer(-1, 0, struct.pack("!ii", 3, 3) + text(path))


class Fake(threading.Thread):
    """Answers as ZooKeeper does, until `deed` of a connection says otherwise: deed(fake, socket,
    xid) after a node was asked for, which it has answered with `value`."""

    def __init__(self, address, value, deed=None):
        super().__init__(daemon=True)
        self.value, self.deed, self.came, self.asked, self.session = value, deed, 0, 0, 100
        self.changed, self.sockets, self.pause_s = 10, [], 0
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.listener = socket.create_server(address, family=family)
        self.start()

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.came += 1
            self.sockets.append(s)
            threading.Thread(target=self._serve, args=(s,), daemon=True).start()

    def _serve(self, s):
        with contextlib.suppress(OSError, struct.error, ConnectionError), s:
            self.greet(s, receive(s))
            while True:
                xid, operation = struct.unpack("!ii", receive(s)[:8])
                if operation == PING:
                    s.sendall(answer(-2))
                elif operation == GET:
                    self.asked += 1
                    self._say(s, answer(xid, 0, data(self.value, self.changed)))
                    if self.deed:
                        self.deed(self, s, xid)
                else:
                    s.sendall(answer(xid))

    def _say(self, s, words):
        """At once, or its first bytes one by one."""
        for at in range(40 if self.pause_s else 0):
            s.sendall(words[at:at + 1])
            time.sleep(self.pause_s)
        s.sendall(words[40 if self.pause_s else 0:])

    def greet(self, s, _):
        s.sendall(greeting(session=self.session))

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
