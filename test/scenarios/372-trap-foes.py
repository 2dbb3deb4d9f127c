#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The trap where something is against it: a worker that is stopped while nobody calls, a program
whose threads part with each other's files, a writer that there is no way to."""
import contextlib
import os
import resource
import select
import signal
import subprocess
import time

from lib.programs import guests, trapped
from lib.programs.trapped import FAULTY, KEEPER, LONG, ONE, SIX, TWO, WRITER, worker_of
from lib.tap import done, ok, skip
from lib.waiting import wait_for

WIRE = "10.77.0.1"  # an address of ours that is not the loopback's
SHUT = "127.0.77.9"  # nobody listens there
TRIES = 20
HELD = 2000 if LONG else 300
PARKED = """
sock = socket.socket()
sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 3)
sock.setblocking(False)
say(errno.errorcode[sock.connect_ex((ADDRESS, PORT))])
events = select.epoll()
events.register(sock, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
while True:
    if not events.poll(20):
        say("never")
        break
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    try:
        say(errno.errorcode[error] if error else sock.getpeername()[0],
            sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT))
        break
    except OSError:
        pass
"""
LEADERLESS = """
def other():
    first = f"/proc/{os.getpid()}/stat"
    while open(first).read().rsplit(")", 1)[1].split()[0] != "Z":
        time.sleep(0.001)
    sock = socket.socket()
    sock.settimeout(20)
    say(greet(sock))
    os._exit(0)
threading.Thread(target=other).start()
libc.syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)
"""
IN_THREAD = """
first = socket.socket()
def other():
    assert libc.unshare(0x400) == 0  # CLONE_FILES
    os.close(first.fileno())
    {}
thread = threading.Thread(target=other)
thread.start()
thread.join()
"""
UNSHARED = IN_THREAD.format("say(greet())") + """
try:
    first.getpeername()
except OSError as e:
    say(errno.errorcode[e.errno])
"""
# It dials what its thread has closed, and the first one has not.
CLOSED = IN_THREAD.replace("os.close(first.fileno())", "fd = first.detach()").format(
    """address = socket.inet_aton(ADDRESS)
    os.close(fd)
    sa = b"\\2\\0" + PORT.to_bytes(2, "big") + address + bytes(8)
    say(errno.errorcode[ctypes.get_errno()] if libc.connect(fd, sa, 16) else "connected")
    global kept
    kept = fd""") + """
try:
    socket.socket(fileno=kept).getpeername()
    say("led")
except OSError as e:
    say(errno.errorcode[e.errno])
"""
# The first thread and others wait in their connects; a signal comes, and one hears of it.
SIGNALLED = """
def dial():
    sa = b"\\2\\0" + PORT.to_bytes(2, "big") + socket.inet_aton(ADDRESS) + bytes(8)
    sock = socket.socket()
    said.append(errno.errorcode[ctypes.get_errno()] if libc.connect(sock.fileno(), sa, 16)
                else sock.recv(99).decode().strip())

def waits(task):
    with open(f"/proc/self/task/{task}/wchan") as wchan:
        return "seccomp" in wchan.read()

def tell():
    while sum(map(waits, os.listdir("/proc/self/task"))) < 4:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGUSR1)
    os.read(heard, 1)
    say("heard")
said = []
heard, told = os.pipe()
os.set_blocking(told, False)
signal.set_wakeup_fd(told)
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.siginterrupt(signal.SIGUSR1, False)
threads = [threading.Thread(target=each) for each in (dial, dial, dial, tell)]
for thread in threads:
    thread.start()
dial()
for thread in threads:
    thread.join()
say(*said)
"""
UNSHARED_LATER = IN_THREAD.format("""sock = socket.socket()
    say(greet(sock))
    sock.settimeout(20)
    say(len(sock.recv(99)))""")
UNSHARED_PARKED = IN_THREAD.format(PARKED.strip().replace("\n", "\n    "))
# A child that nobody may look into, and a connect of one like all others.
SECRETIVE = """
child = os.fork()
if child == 0:
    libc.prctl(4, 0)  # PR_SET_DUMPABLE
    os._exit(greet() == "EPERM")
os.waitpid(child, 0)
say()
sys.stdin.readline()
say(greet())
"""
# So many children that block in their connects, and how many come through.
CROWD = """
children = []
for _ in range(int(sys.argv[3])):
    child = os.fork()
    if child == 0:
        os._exit(greet() != sys.argv[4])
    children.append(child)

def waits(child):
    with open(f"/proc/{child}/wchan") as wchan:
        return "seccomp" in wchan.read()
while not all(map(waits, children)) and not os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG |
                                                      os.WNOWAIT):
    time.sleep(0.1)
say("waiting")
say(sum(os.waitpid(child, 0)[1] == 0 for child in children))
"""
# Connections that stay, many that end, and more that stay: how many of these are closed in the end.
TURNOVER = """
def dial():
    sock = socket.socket()
    sock.connect((ADDRESS, PORT))
    return sock

def is_closed(sock):
    sock.settimeout(max(end - time.monotonic(), 0.001))
    try:
        while sock.recv(99):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True
stay = [dial() for _ in range(4300)]
for _ in range(3800):
    dial().close()
stay += [dial() for _ in range(300)]
say("up")
end = time.monotonic() + 20
say(sum(map(is_closed, stay)))
"""


def parked(world, **more):
    """A program that waits, and does nothing else; at the end it says how patient its socket is."""
    world.writer("none")
    child = world.python(PARKED, **more)
    begun = child.stdout.readline().strip()
    return child, begun


def said(child):
    return [text.strip() for text in child.communicate(timeout=60)]


def check_stopped(world):
    """Nobody calls, so that nobody waits for it; but some wait for what it is to do."""
    child, begun = parked(world)
    os.kill(worker_of(child.pid), signal.SIGSTOP)
    world.writer(0)
    got = said(child)
    ok((begun, got) == ("EINPROGRESS", [f"{ONE} 3", ""]),
       "a worker that is stopped while one waits: it is led", (begun, got))
    child = world.python("sock = socket.socket(); say(greet(sock)); sock.settimeout(20)\n"
                         "say(len(sock.recv(99)))")
    begun = child.stdout.readline().strip()
    os.kill(worker_of(child.pid), signal.SIGSTOP)
    world.writer(1)
    got = said(child)
    world.writer(0)
    ok((begun, got) == (ONE, ["0", ""]),
       "a worker that is stopped while all are at rest: a stale connection is closed", (begun, got))


def check_keeper_stopped(world):
    """Where it alone may look into the program: what it does not tell now is none the less so."""
    more = {"keeper": FAULTY, "env": {**world.env, "PELORUS_TRAP_YAMA": "1"}}

    def stopped_while(child, act):
        os.kill(child.pid, signal.SIGSTOP)
        act()
        time.sleep(0.5)  # the worker asks in vain
        os.kill(child.pid, signal.SIGCONT)
        return said(child)
    child, begun = parked(world, **more)
    got = stopped_while(child, lambda: world.writer(0))
    ok((begun, got) == ("EINPROGRESS", [f"{ONE} 3", ""]),
       "a keeper that is stopped when one may go that waits: it goes later", (begun, got))
    child = world.python("sock = socket.socket(); say(greet(sock)); sock.settimeout(20)\n"
                         "say(len(sock.recv(99)))", **more)
    begun = child.stdout.readline().strip()
    got = stopped_while(child, lambda: world.writer(1))
    world.writer(0)
    ok((begun, got) == (ONE, ["0", ""]),
       "... when a connection is to be closed: it is closed later", (begun, got))
    child = world.python("say(); sys.stdin.readline(); say(greet())", stdin=subprocess.PIPE,
                         **more)
    child.stdout.readline()

    def dial():
        child.stdin.write("\n")
        child.stdin.flush()
    got = stopped_while(child, dial)
    ok(got == [ONE, ""], "... when the program connects: that takes as long", got)
    child = world.popen(["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all",
                         KEEPER, "--", "/usr/bin/python3", "-c", trapped.HEAD + SECRETIVE,
                         world.address, str(world.port)], stdin=subprocess.PIPE)
    child.stdout.readline()
    os.kill(child.pid, signal.SIGSTOP)
    dial()
    answered = bool(select.select([child.stdout], [], [], 10)[0])
    os.kill(child.pid, signal.SIGCONT)
    got = said(child)
    ok((answered, got) == (True, [ONE, ""]),
       "it is not asked about all, because there was one that nobody may look into",
       (answered, got))


def check_led_on(world):
    """The writer that one waits for is somewhere else than where it could go."""
    child, begun = parked(world)
    world.published.tell(f"instance 0 0 i0 {world.port} 10.78.0.1")
    world.writer(0)
    got = said(child)
    ok((begun, got) == ("EINPROGRESS", ["ECONNREFUSED 3", ""]),
       "one that waits for a writer that there is no way to is refused", (begun, got))
    world.published.tell(f"instance 0 0 i0 {world.port} {ONE}")
    stuck = os.path.join(world.folder, "stuck")
    child, begun = parked(world, keeper=FAULTY, env={**world.env, "PELORUS_TRAP_STUCK": stuck})
    with open(stuck, "w"):
        pass
    world.writer(0)
    wait_for(lambda: not os.path.exists(stuck))
    got = said(child)
    ok((begun, got) == ("EINPROGRESS", [f"{ONE} 3", ""]),
       "one that cannot be led at once is led as soon as it can", (begun, got))


def is_parked(_):
    return subprocess.run(["ss", "-tnH", "state", "syn-sent"], capture_output=True,
                          check=True).stdout


def in_call(child):
    with contextlib.suppress(OSError), \
            open(f"/proc/{child.pid}/task/{child.pid}/children") as children:
        for pid in children.read().split():
            with open(f"/proc/{pid}/wchan") as wchan:
                if "seccomp" in (where := wchan.read()):
                    return where
    return None


def is_held(child):
    """Its program's call has no answer yet, and has had none for longer than a connect takes."""
    if not in_call(child):
        return None
    time.sleep(0.05)
    return in_call(child)


def refused(world, words, waits, then=()):
    """(whether it waits when it was refused, what it comes to) if the map says that behind it."""
    world.writer(0)
    child = world.popen(words)
    seen = wait_for(lambda: waits(child) or child.poll() is not None, 20, 0.002)
    for which in then if child.poll() is None else ():
        world.writer(which)
    said = child.communicate(timeout=60)[0].strip()
    return seen is not True, said.rpartition("\n")[2] or said


def check_refused(world):
    """A writer that dies refuses before a daemon knows: its word is waited for, for 250 ms."""
    world.published.tell(f"instance 0 0 i0 {world.port} {SHUT}")
    program, why = guests.build_go(world.folder, False)
    kinds = [("a static program that blocks", world.words("greet"), is_held, TWO,
              os.strerror(111))]
    if why:
        skip("Go's dials to a writer that dies", why)
    else:
        words = [KEEPER, "--", program, str(world.port), world.address]
        kinds.append(("Go", words, is_parked, "true", "connect: connection refused"))
    for kind, words, waits, led, told in kinds:
        got = [refused(world, words, waits, ("none", 1)) for _ in range(TRIES)]
        ok(any(said == led for _, said in got),
           f"{kind}: refused by a writer that dies, it waits for the next one", got)
        got = [refused(world, words, waits) for _ in range(TRIES)]
        ok(all(said.endswith(told) for _, said in got) and any(waited for waited, _ in got),
           f"{kind}: is it the writer all the same, it is tried once more, and told", got)
    if not why:
        fuse = os.path.join(world.folder, "fuse")
        with open(fuse, "w"):
            pass
        got = world.run([FAULTY, "--", program, str(world.port), world.address],
                        env={"PELORUS_TRAP_FAULT": f"9 kill {fuse}"})
        ok(got[1].endswith("connect: connection refused") and not os.path.exists(fuse),
           "Go: it is told if a worker dies of that", got)
    world.writer(0)
    got = said(world.python(PARKED))
    ok(got[0].split()[:2] == ["EINPROGRESS", "ECONNREFUSED"],
       "who may not understand that it goes on is told", got)
    world.published.tell(f"instance 0 0 i0 {world.port} {ONE}")
    world.writer(0)


def check_threads(world):
    """A thread may have files of its own, and outlive the first one; its socket is what counts."""
    for old in ({}, {"PELORUS_TRAP_OLD": "1"}):
        text = ", on a kernel that knows no thread's files" if old else ""
        env = {**world.env, **old}
        got = said(world.python(LEADERLESS, keeper=FAULTY, env=env))
        ok(got == ["ECONNREFUSED" if old else ONE, ""],
           f"a thread connects when the first one has ended{text}", got)
        got = said(world.python(UNSHARED, keeper=FAULTY, env=env))
        ok(got == [f"{'ECONNREFUSED' if old else ONE}\nENOTCONN", ""],
           f"a thread with files of its own connects its own socket{text}", got)
        got = said(world.python(CLOSED, keeper=FAULTY, env=env))
        ok(got == ["EBADF\nENOTCONN", ""], f"or none, where it has closed that{text}", got)
    child = world.python(UNSHARED_LATER)
    begun = child.stdout.readline().strip()
    world.writer(1)
    got = said(child)
    world.writer(0)
    ok((begun, got) == (ONE, ["0", ""]), "and that is the one which is closed", (begun, got))
    world.writer("none")
    child = world.python(UNSHARED_PARKED)
    begun = child.stdout.readline().strip()
    world.writer(0)
    got = said(child)
    ok((begun, got) == ("EINPROGRESS", [f"{ONE} 3", ""]), "or led on", (begun, got))
    world.writer("none")
    child = world.python(SIGNALLED)
    child.stdout.readline()
    world.writer(0)
    got = said(child)
    ok(got == [" ".join([ONE] * 4), ""],
       "four threads wait for a writer, and a signal for the first: all come to it", got)


def check_namespaces(world):
    got = said(world.python("sock = socket.socket()\nassert libc.unshare(0x40000000) == 0\n"
                            "say(greet(sock), greet())"))
    ok(got == [f"{ONE} ENETUNREACH", ""],
       "in another network a socket that was brought along is led, and one of there is not", got)


def check_turnover(world):
    """More than there is room for, but not at a time."""
    text = "8,400 connections, half of them gone: each that is left is closed"
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most < 10000:
        skip(text, f"there are {most} descriptors at the most")
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    child = world.python(TURNOVER)
    child.stdout.readline()
    world.writer(1)
    got = said(child)
    world.writer(0)
    ok(got == ["4600", ""], text, got)


def check_given_up(world):
    """Two workers die where a socket is set not to block, for a moment; there is no third try."""
    fuse = os.path.join(world.folder, "fuse")
    with subprocess.Popen(["sh", "-c", f"while :; do : >{fuse}; done"]) as renewed:
        got = said(world.python("sock = socket.socket()\nsay(greet(sock), sock.getblocking(),\n"
                                "    fcntl.fcntl(sock, fcntl.F_GETFL) & os.O_NONBLOCK)",
                                keeper=FAULTY, env={**world.env,
                                                    "PELORUS_TRAP_FAULT": f"6 kill {fuse}"}))
        renewed.kill()
    os.unlink(fuse)
    ok(got in (["ECONNREFUSED True 0", ""], [f"{ONE} True 0", ""]),
       "a socket that blocks does so when its connect is given up", got)


def check_few_files(world):
    """Whatever is missing, the program runs."""
    got = {n: world.run(["sh", "-c", f"ulimit -n {n}; exec {KEEPER} -- echo ran"])[:2]
           for n in range(5, 16)}
    ok(set(got.values()) == {(0, "ran")}, "with 5 to 15 descriptors the program runs", got)
    got = world.run(["sh", "-c", f"ulimit -n 7; exec {KEEPER} --require -- echo ran"])
    ok(got[:2] == (125, ""), "but not where the trap is required", got)


def check_starved(world):
    """A worker that gets no processor is slow, as all else there; ended, it would begin anew."""
    fuse = os.path.join(world.folder, "fuse")
    for kind, text, stays in (("starve", "a worker that gets no processor is not replaced", True),
                              ("loop", "but one that runs and never gets on", False)):
        with open(fuse, "w"):
            pass
        child = world.python("say(greet()); sys.stdin.read()", keeper=FAULTY,
                             stdin=subprocess.PIPE,
                             env={**world.env, "PELORUS_TRAP_FAULT": f"2 {kind} {fuse}"})
        wait_for(lambda: not os.path.exists(fuse))
        before = worker_of(child.pid)
        got = child.stdout.readline().strip()
        after = worker_of(child.pid)
        ok(got == ONE and (before == after) == stays and said(child) == ["", ""],
           text, (got, before, after))


def check_many(world):
    world.writer("none")
    child = world.python(CROWD, HELD, ONE)
    child.stdout.readline()
    world.writer(0)
    got = said(child)
    ok(got == [str(HELD), ""], f"{HELD} connects that block wait for a writer at a time", got)


def check_begin(world):
    """It is the worker that is waited for, and not whatever comes first."""
    fuse = os.path.join(world.folder, "fuse")
    for kind in ("kill", "stop"):
        with open(fuse, "w"):
            pass
        got = world.run(world.words("greet", keeper=FAULTY),
                        env={"PELORUS_TRAP_FAULT": f"8 {kind} {fuse}"})
        ok(got == (0, ONE, "") and not os.path.exists(fuse),
           f"a worker's {kind} when it begins: the program waits for the next one", got)
    with open(fuse, "w"):
        pass
    child = world.popen([FAULTY, "--", "date", "+%s%N"],
                        env={**world.env, "PELORUS_TRAP_FAULT": f"8 late {fuse}"})
    wait_for(lambda: not os.path.exists(fuse))
    child.send_signal(signal.SIGWINCH)
    removed = os.stat(world.folder).st_mtime_ns  # when the worker began to be late, for 50 ms
    late = int(said(child)[0]) - removed
    ok(late > 35e6, "a signal while a worker begins: the program still waits for it", late)


def check_dialled(world):
    """Programs dial a nameserver to learn their own address, or whether it is there at all."""
    program, why = guests.build_go(world.folder, False, name="names")
    if why:
        skip("Go's dials", why)
        return
    # The machine's own on a wire, a host with no way to it, the machine's own by IPv6.
    words = [f"{network}/{address}:53" for address in (WIRE, "10.78.0.1", f"[{SIX}]")
             for network in ("udp", "tcp")]
    got, plain = (world.run([*trap, program, *words]) for trap in ([KEEPER, "--"], []))
    ok(got == plain and f"{WIRE}\n" in got[1],
       "a nameserver's port is dialled from where, and as well as, natively", (got, plain))
    trapped.serve_names(world.folder, WIRE)
    name = f"other.{WRITER.split('.', 1)[1]}"
    world.published.tell(f"name 0 writer {name} {TWO}")
    got = world.run([KEEPER, "--", program, name, "n.example"])
    ok(got[1].startswith("[198.18.") and got[1].endswith(f"\n[{TWO}] <nil>"),
       "and its answers come back, whether they are ours or not", got)


def main():
    with trapped.world() as world:
        for check in (check_stopped, check_keeper_stopped, check_led_on, check_refused,
                      check_threads, check_namespaces, check_many, check_turnover, check_few_files,
                      check_given_up, check_starved, check_begin, check_dialled):
            check(world)
    done()


main()
