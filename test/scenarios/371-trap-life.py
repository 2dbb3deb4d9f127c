#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The trap through what a program and its machine can do: a static program that dials virtual
addresses is led, waits and ends as natively, whichever of the trap's processes dies meanwhile.

With PELORUS_LONG there are 10,000 connects of each kind under signals, and 1,000 forks.
"""
import contextlib
import errno
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

from lib.programs import clients, trapped
from lib.programs.trapped import FAULTY, KEEPER, LONG, ONE, PROGRAM, SIX, TWO, WRITER, worker_of
from lib.tap import done, note, ok, skip
from lib.terminal import Terminal
from lib.waiting import alive, wait_for, within

SHORT = "127.0.77.3"
NAMESERVER = "127.0.77.53"
STARTING = 1  # PEL_WHY_STARTING
LOOKUPS = 150
STORM, FORKS, CROWD, ALONE = (10000, 1000, 1000, 400) if LONG else (500, 100, 200, 40)
PLACES = {1: "a call is taken", 2: "its socket is", 3: "it is recorded", 6: "it blocks no longer",
          7: "it is begun", 4: "it blocks again", 5: "all but the answer is done"}


def check_led(world):
    got = world.ask("greet")
    ok(got == (0, ONE, ""), "a virtual address leads to the writer", got)
    world.writer(1)
    ok(world.ask("greet")[1] == TWO, "and to the next one")
    world.writer(0)
    got = world.ask("greet", address=TWO)
    ok(got[1] == TWO, "any other address is where it was", got)
    got = world.ask("greet", address="::ffff:" + world.address)
    ok(got == (0, ONE, ""), "as an address that is mapped into IPv6, too", got)
    name = world.published.cluster(1, [("six", SIX)], world.port)
    address = socket.getaddrinfo(name, 1, socket.AF_INET6)[0][4][0]
    got = world.ask("greet", address=address)
    ok(got == (0, SIX, "") and address != SIX, "and by IPv6 to where there is nothing else", got)
    user = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    got = world.run([*user, *world.words("greet")])
    ok(got[:2] == (0, ONE), "without capabilities, too", got)
    got = world.run(world.words("greet"), env={"PELORUS_INCLUDE": "trapped-*"})
    ok(got == (0, ONE, ""), "and where only programs of its name are led", got)
    got = world.run(world.words("greet", keeper=FAULTY), env={"PELORUS_TRAP_YAMA": "1"})
    ok(got == (0, ONE, ""), "and where only an ancestor may look into a program", got)
    got = world.run(world.words("bad", keeper=FAULTY), env={"PELORUS_TRAP_YAMA": "1"})
    ok(got == (0, os.strerror(errno.EBADF), ""), "... which finds no socket there either", got)


def is_held(keeper):
    """The program has a socket, and sleeps: in its connect."""
    with contextlib.suppress(OSError, IndexError):
        with open(f"/proc/{keeper.pid}/task/{keeper.pid}/children") as children:
            program = f"/proc/{children.read().split()[0]}"
        with open(f"{program}/stat") as stat:
            sleeps = stat.read().rsplit(") ", 1)[1][0] == "S"
        files = [os.readlink(f"{program}/fd/{fd}") for fd in os.listdir(f"{program}/fd")]
        return sleeps and os.readlink(f"{program}/exe") == os.path.realpath(PROGRAM) and \
            any(name.startswith("socket:") for name in files)
    return False


def check_held(world):
    """One that blocks waits for a writer, as long as it may."""
    world.writer("none")
    child = world.popen(world.words("greet"))
    time.sleep(0.5)
    world.writer(1)
    ok(child.communicate(timeout=20)[0].strip() == TWO, "a connect that blocks waits for a writer")
    world.writer("none")
    got = world.ask("alarm", 300)
    reason, ms = got[1].rsplit(" ", 1)
    ok(reason == os.strerror(4) and 290 <= int(ms) and within(int(ms), 1500),
       "a signal ends its wait", got)
    got = world.ask("limit", 300)
    reason, ms = got[1].rsplit(" ", 1)
    ok(reason == os.strerror(115) and 290 <= int(ms) and within(int(ms), 1500),
       "its own limit does", got)
    child = world.popen(world.words("greet"))
    wait_for(lambda: is_held(child), 10)
    world.writer(f"unknown {STARTING}")
    world.published.tell("mode 0 off")
    got = child.communicate(timeout=20)[0].strip()
    ok(got == TWO, "switched off while its daemon starts, it goes where DNS leads", got)
    world.published.tell("mode 0 active")
    world.writer(0)
    world.published.tell("hold 0 500")
    world.writer("none")
    got = world.ask("greet")
    ok(got[1] == os.strerror(111), "when `hold` is over it is refused", got)
    world.published.tell("hold 0 unsaid")
    world.writer(0)
    world.writer("none")
    child = world.popen(world.words("greet"))
    for _ in range(4):
        os.kill(worker_of(child.pid), signal.SIGKILL)
        time.sleep(0.2)
    world.writer(0)
    ok(child.communicate(timeout=20)[0].strip() == ONE,
       "who waits does not see workers die, nor that there is none for a moment")


def check_crowd(world):
    """Sockets that are led on are in error for a moment; whoever asks finds none."""
    world.writer("none")
    child = world.popen(world.words("crowd", CROWD))
    ok(child.stdout.readline() == f"begun {CROWD}\n", f"{CROWD} connects that do not block wait")
    world.writer(1)
    got = [text.strip() for text in child.communicate(timeout=60)]
    ok(got == [str(CROWD), ""], "and all come to the next writer", got)
    world.writer(0)
    said = []
    for _ in range(ALONE):
        world.writer("none")
        child = world.popen(world.words("crowd", 1))
        child.stdout.readline()
        world.writer(1)
        said.append([text.strip() for text in child.communicate(timeout=60)])
        world.writer(0)
    ok(said == [["1", ""]] * ALONE, f"so do {ALONE}, one after the other, whose poller sleeps",
       [each for each in said if each != ["1", ""]])


def serve_shortly(address, port):
    """A server that keeps nobody."""
    listener = socket.create_server((address, port), backlog=4096)

    def serve():
        while True:
            listener.accept()[0].close()
    threading.Thread(target=serve, daemon=True).start()


def check_signals(world):
    """Calls that signals interrupt, against the same ones without us."""
    serve_shortly(SHORT, world.port)
    world.published.tell(f"instance 0 0 i0 {world.port} {SHORT}")
    world.writer(0)
    for words in ((), ("restart",), ("nonblock",), ("restart", "nonblock"), ("again",),
                  ("again", "nonblock")):
        got = world.ask("storm", STORM, *words)
        good, interrupted, connected, other = map(int, got[1].split())
        plain = world.run(world.words("storm", STORM, *words, address=SHORT)[2:])
        text = " and ".join(words) or "neither SA_RESTART nor O_NONBLOCK"
        note(f"{text}: {got[1]}; natively {plain[1]}")
        ok(connected == other == 0 and good + interrupted == STORM,
           f"{STORM} connects under a timer, {text}: all well, or ended by a signal", got)
        if "restart" in words or "again" in words:
            ok(interrupted == 0, f"... {text}: none is ended by one")
    world.published.tell(f"instance 0 0 i0 {world.port} {trapped.SILENT}")
    world.writer(0)
    got = world.ask("alarm", 200)
    native = world.run(world.words("alarm", 200, address=trapped.SILENT)[2:])
    note(f"alarm() on a silent host: {got[1]} ms; natively {native[1]} ms")
    ok(got[1].rsplit(" ", 1)[0] == native[1].rsplit(" ", 1)[0] and
       int(got[1].split()[-1]) < int(native[1].split()[-1]) + 1000,
       "alarm() ends a connect to a silent host as natively", got)
    world.published.tell(f"instance 0 0 i0 {world.port} {ONE}")
    world.writer(0)


def check_faults(world):
    fuse = os.path.join(world.folder, "fuse")
    for kind in ("kill", "stop"):
        for place, text in PLACES.items():
            for what in (("greet",), ("storm", 1, "restart", "nonblock")):
                if kind == "stop" and what[0] == "storm":
                    continue
                with open(fuse, "w"):
                    pass
                begin = time.monotonic()
                got = world.run(world.words(*what, keeper=FAULTY),
                                env={"PELORUS_TRAP_FAULT": f"{place} {kind} {fuse}"})
                took = time.monotonic() - begin
                burnt = not os.path.exists(fuse) or place in (6, 7) and what[0] == "storm"
                wanted = ONE if what[0] == "greet" else "1 0 0 0"
                ok(got == (0, wanted, "") and burnt and within(took, 5),
                   f"a worker's {kind} when {text}: {what[-1]}, nothing is seen",
                   (got, took, burnt))
    check_parked(world, fuse)
    check_start(world, fuse)
    check_no_keeper(world)


def check_parked(world, fuse):
    """A worker that ends while it parks a socket."""
    for place in (6, 7, 5):
        with open(fuse, "w"):
            pass
        world.writer("none")
        child = world.popen(world.words("crowd", 1, keeper=FAULTY), env={
            **world.env, "PELORUS_TRAP_FAULT": f"{place} kill {fuse}"})
        begun = child.stdout.readline()
        world.writer(0)
        got = [text.strip() for text in child.communicate(timeout=60)]
        ok((begun, got) == ("begun 1\n", ["1", ""]) and not os.path.exists(fuse),
           f"a worker's kill when {PLACES[place]}, while there is no writer: nothing is seen",
           (begun, got))


def check_start(world, fuse):
    """Natively no signal ends a connect that does not block."""
    with open(fuse, "w"):
        pass
    got = world.run(world.words("storm", 1, "nonblock", keeper=FAULTY),
                    env={"PELORUS_TRAP_FAULT": f"8 late {fuse}"})
    ok(got == (0, "1 0 0 0", "") and not os.path.exists(fuse),
       "the program's first connect finds a worker, however late that is", got)


def check_no_keeper(world):
    greet = " ".join(world.words("greet")[2:])
    child = world.popen([KEEPER, "--", "sh", "-c", f"{greet}; read line; {greet}; read line"],
                        stdin=subprocess.PIPE)
    first = child.stdout.readline().strip()
    worker = worker_of(child.pid)
    child.kill()
    child.stdin.write("go\n")
    child.stdin.flush()
    second = child.stdout.readline().strip()
    ok(first == second == ONE, "without a keeper the worker serves on", (first, second))
    child.stdin.close()
    child.wait()
    wait_for(lambda: not alive(worker), 10)
    ok(True, "and ends behind the program")


def check_status(world):
    for text, words, wanted in (
            ("its status", ["sh", "-c", "exit 3"], 3),
            ("a death by signal", ["sh", "-c", "kill -KILL $$"], -9),
            ("its death by SIGTERM", ["sh", "-c", "kill -TERM $$"], -15),
            ("no such command", ["/nonexistent"], 127), ("no permission", ["/etc/passwd"], 126)):
        got = world.run([KEEPER, "--", *words])
        ok(got[0] == wanted, f"{text} is the trap's: {wanted}", got)
    child = world.popen([KEEPER, "--", "sh", "-c", "trap 'echo heard; exit 7' USR1; echo up; "
                         "while :; do sleep 0.05; done"])
    child.stdout.readline()
    child.send_signal(signal.SIGUSR1)
    ok(child.communicate(timeout=10)[0] == "heard\n" and child.returncode == 7,
       "a signal is passed on")
    start = f"import os, signal; signal.alarm(1); os.execl('{KEEPER}', 'trap', '--', 'sleep', '9')"
    got = world.run(["/usr/bin/python3", "-c", start])
    ok(got == (-signal.SIGALRM, "", ""), "a timer that was set before is the program's", got)
    child = world.popen(["sh", "-c", f"setpriv --pdeathsig KILL {KEEPER} -- "
                         "sh -c 'echo $$; exec sleep 60' & read line"], stdin=subprocess.PIPE)
    program = int(child.stdout.readline())
    child.stdin.close()
    child.wait()
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: not alive(program), 10)
    ok(not alive(program), "who is to die with its parent does, with the trap between them")
    got = world.run([KEEPER, "--", "sh", "-c", "sleep 60 </dev/null >/dev/null 2>&1 & echo $!"],
                    limit=50)
    ok(alive(int(got[1])), "who leaves a child behind is not waited for", got)
    os.kill(int(got[1]), signal.SIGKILL)
    got = world.run([KEEPER, "--", KEEPER, "--", "sh", "-c", "echo inner"])
    ok(got[:2] == (0, "inner") and "another program traps this one" in got[2],
       "a trap within a trap stands back", got)
    got = world.run(["sh", "-c", f"LISTEN_PID=$$ exec {KEEPER} -- sh -c 'test $$ = $LISTEN_PID'"])
    ok(got == (0, "", ""), "sockets that systemd passes to it are the program's", got)
    got = world.run([KEEPER, "--", "grep", "Seccomp:", "/proc/self/status"],
                    env={"PELORUS_DISABLED": "1"})
    ok(got == (0, "Seccomp:\t0", ""), "switched off, there is no filter", got)
    got = world.ask("forks", FORKS)
    ok(got == (0, str(FORKS), ""), f"{FORKS} forked children connect", got)
    got = world.run(["unshare", "--pid", "--fork", "--mount-proc", "--kill-child",
                     *world.words("greet")[:2], "sh", "-c",
                     "(sleep 0.1 &) ; sleep 0.3; cat /proc/[0-9]*/stat | grep -c ') Z'; exec " +
                     " ".join(world.words("greet")[2:])])
    ok(got == (0, f"0\n{ONE}", ""), "as PID 1 it leads, and leaves no zombie", got)


def check_company(world):
    """What else looks into the program, or filters its calls."""
    greet = world.words("greet")
    for name, words in (("strace", ["-f", "-qq", "-o", "/dev/null"]),
                        ("strace", ["-f", "-qq", "--seccomp-bpf", "-o", "/dev/null"]),
                        ("gdb", ["-batch", "-nx", "-ex", "run", "--args"])):
        text = f"behind {name} {' '.join(words)} the program is led"
        if not shutil.which(name):
            skip(text, f"there is no {name}")
            continue
        got = world.run([*greet[:2], name, *words, *greet[2:]])
        ok(got[0] == 0 and ONE in got[1].split("\n"), text, got)
    got = world.ask("filter")
    ok(got == (0, ONE, ""), "behind a filter of its own, too", got)
    got, plain = world.ask("listener"), world.run(world.words("listener")[2:])
    ok(got == (0, os.strerror(errno.EBUSY), "") and plain == (0, os.strerror(0), ""),
       "one of its own that tells of calls is refused, as documented", (got, plain))


def check_idle(world):
    """A program that has met no followed name, where there is no map."""
    child = world.popen([KEEPER, "--", "sleep", "60"],
                        env={**world.env, "PELORUS_RUNTIME_DIR": os.path.join(world.folder, "no")})
    worker = worker_of(child.pid)

    def wakes():
        switches = 0
        for task in os.listdir(f"/proc/{worker}/task"):
            with open(f"/proc/{worker}/task/{task}/status") as status:
                switches += int(status.read().split("\nvoluntary_ctxt_switches:")[1].split()[0])
        return switches
    counts = []

    def is_calm():
        before = wakes()
        time.sleep(2)  # what is counted is a time
        counts.append(wakes() - before)
        return counts[-1] < 4
    with contextlib.suppress(TimeoutError):
        wait_for(is_calm)
    ok(counts[-1] < 4, "the trap of an idle program sleeps", counts)
    child.terminate()
    child.wait()


def check_closed(world):
    """A program that closes its output ends the pipe, whoever else lives; a socket, too."""
    child = world.popen([KEEPER, "--", "sh", "-c", "exec >&-; sleep 60"], start_new_session=True)
    child.stdout.read()
    ok(alive(child.pid), "what the program closes is closed")
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    out = os.path.join(world.folder, "out")
    greet = " ".join(world.words("greet")[2:])
    got = world.run(["sh", "-c", f"exec {KEEPER} -- sh -c "
                     f"'test -e /proc/self/fd/0 || exec {greet} >{out}' <&- >&-"])
    with open(out) as said:
        ok(got == (0, "", "") and said.read().strip() == ONE,
           "started without standard files it leads, and the program has none", got)


def check_terminal(world):
    env = {**world.env, "PATH": os.environ["PATH"]}
    with Terminal(env) as terminal:
        terminal.type(f"{KEEPER} -- sh -c 'trap \"echo again\" CONT; echo up; "
                      "while :; do sleep 0.1; done'")
        terminal.wait(lambda lines: "up" in lines, "in a terminal it runs")
        terminal.key("C-z")
        terminal.wait(lambda lines: any("Stopped" in line for line in lines), "^Z stops it")
        terminal.type("fg")
        terminal.wait(lambda lines: "again" in lines, "fg lets it go on")
        terminal.key("C-c")
        terminal.type("echo ended with $?")
        terminal.wait(lambda lines: "ended with 130" in lines, "and ^C behind fg ends it")


def severed(world, mode, limit_s):
    """(what a connection to a former writer comes to, after how many seconds)"""
    code = ("import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20);"
            "s.recv(99); print('up', flush=True); s.settimeout(float(sys.argv[3]));"
            "print(len(s.recv(99)))")
    child = world.popen([KEEPER, "--", "/usr/bin/python3", "-c", code, world.address,
                         str(world.port), str(limit_s)])
    child.stdout.readline()
    world.published.tell(f"mode 0 {mode}")
    begin = time.monotonic()
    world.writer(1)
    got = child.communicate(timeout=60)
    took = time.monotonic() - begin
    world.writer(0)
    world.published.tell("mode 0 active")
    return got[0].strip() or got[1].strip().rsplit("\n", 1)[-1], took


def check_severed(world):
    """A connection to what is no longer the writer ends."""
    got, took = severed(world, "active", 20)
    note(f"closed {took * 1e3:.1f} ms after the map moved")
    ok(got == "0" and within(took, 1), "a connection to a former writer is closed", (got, took))
    for mode in ("observe", "off"):
        got = severed(world, mode, 1)[0]
        ok(got.endswith("timed out"), f"but none while the mode is {mode}", got)


def check_lookups(world):
    program, why = clients.go(static=True)
    if why:
        skip("Go's lookups", why)
        return
    trapped.serve_names(world.folder, NAMESERVER, 0.3)
    got = world.run([KEEPER, "--", program, *(f"n{i}.example" for i in range(LOOKUPS))],
                    env={"LOOKUP": "udp"})
    ok(got == (0, "\n".join([TWO] * LOOKUPS), ""), f"Go looks {LOOKUPS} names up at once",
       (got[1].count(TWO), got[2]))
    name = f"other.{WRITER.split('.', 1)[1]}"
    world.published.tell(f"name 0 writer {name} {TWO}")
    for mode, is_led in (("active", True), ("observe", False), ("off", False)):
        world.published.tell(f"mode 0 {mode}")
        got = world.run([KEEPER, "--", program, name], env={"LOOKUP": "udp"})
        ok(got[1].startswith("198.18.") if is_led else got[1] == TWO,
           f"a followed name is {'virtual' if is_led else 'as it was'} in mode {mode}", got)
    world.published.tell("mode 0 active")


def check_nothing_left(world):
    def left():
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as environment:
                if world.folder.encode() in environment.read() and \
                        os.readlink(f"/proc/{pid}/exe").endswith(("pelorus-trap", "trap-faults")):
                    found.append(pid)
        return found
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: not left(), 10, 0.1)
    ok(not left(), "no worker outlives its program", left())


def main():
    with trapped.world() as world:
        for check in (check_led, check_held, check_crowd, check_severed, check_signals,
                      check_faults, check_status, check_company, check_idle, check_closed,
                      check_terminal, check_lookups, check_nothing_left):
            check(world)
    done()


main()
