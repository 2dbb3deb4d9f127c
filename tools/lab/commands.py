# SPDX-License-Identifier: Apache-2.0
"""What the supervisor does for each command: one function each, in one table."""
import signal

from failover import failover
from state import LabError

END = "end"


def status(lab):
    return lab.status()


def down(lab):
    for instance in lab.instances.values():
        instance.kill()
    return END


def _fail_over(lab, mode="crash", to=None, promote=True, keep_connections=False):
    return failover(lab, mode, to, promote, keep_connections)


def kill(lab, id):
    instance = lab.get(id)
    _must(instance.process.poll() is None, f"{id} is down already")
    moment = lab.events.now()
    instance.kill()
    lab.events.emit("failure", moment, id=id, mode="kill")


def stop(lab, id):
    instance = lab.get(id)
    _must(instance.process.poll() is None, f"{id} is down already")
    if instance.paused:
        resume(lab, id)
    lab.events.emit("stop", id=id)
    instance.stop()


def start(lab, id):
    instance = lab.get(id)
    _must(instance.process.poll() is not None, f"{id} runs already")
    if lab.writer is instance:
        lab.writer = None
        lab.table.writer_is(None)
    instance.start("SLAVE")
    lab.join(instance)
    lab.events.emit("back", id=id, role="reader")
    lab.changed()


def pause(lab, id):
    instance = lab.get(id)
    _must(instance.live, f"{id} is {instance.health}")
    instance.paused = True
    lab.lost_reader()
    instance.signal(signal.SIGSTOP)
    lab.events.emit("pause", id=id)
    lab.changed()


def resume(lab, id):
    instance = lab.get(id)
    _must(instance.paused, f"{id} is not paused")
    instance.signal(signal.SIGCONT)
    instance.paused = False
    lab.events.emit("resume", id=id)
    lab.rejoined(instance)
    lab.changed()


def cut(lab, id):
    instance = lab.get(id)
    _must(not instance.cut, f"{id} is cut off already")
    moment = lab.events.now()
    lab.network.cut(id)
    instance.cut = True
    lab.events.emit("cut", moment, id=id)
    lab.changed()


def heal(lab, id):
    instance = lab.get(id)
    _must(instance.cut, f"{id} is not cut off")
    lab.network.heal(id)
    instance.cut = False
    lab.events.emit("heal", id=id)
    if instance.live:
        lab.events.emit("back", id=id, role=instance.role)
    lab.changed()


def _must(condition, sentence):
    if not condition:
        raise LabError(sentence)


UNLOCKED = {"status": status}
LOCKED = {"failover": _fail_over, "kill": kill, "stop": stop, "start": start, "pause": pause,
          "resume": resume, "cut": cut, "heal": heal, "down": down}


def run(lab, name, arguments):
    if name in UNLOCKED:
        return UNLOCKED[name](lab, **arguments)
    with lab.lock:
        return LOCKED[name](lab, **arguments)
