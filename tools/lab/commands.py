# SPDX-License-Identifier: Apache-2.0
"""What the supervisor does for each command: one function each, in one table."""
import re
import signal
import time

import wire
from failover import failover
from state import ID_MAX, LabError
from switchover import switchover


def status(lab):
    return lab.status()


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
        lab.board.show_writer(None)
    instance.start("SLAVE")
    if not instance.retired:
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
    if not instance.retired:
        lab.rejoined(instance)
    lab.changed()


def cut(lab, id):
    instance = lab.get(id)
    _must(not instance.cut, f"{id} is cut off already")
    moment = lab.events.now()
    lab.network.cut(instance.key)
    instance.cut = True
    lab.events.emit("cut", moment, id=id)
    lab.changed()


def heal(lab, id):
    instance = lab.get(id)
    _must(instance.cut, f"{id} is not cut off")
    lab.network.heal(instance.key)
    instance.cut = False
    lab.events.emit("heal", id=id)
    if instance.live:
        lab.events.emit("back", id=id, role=instance.role)
    lab.changed()


def add(lab, id):
    _must(re.fullmatch(r"[a-z][a-z0-9-]*", id) and len(id) <= ID_MAX,
          f"{id} is not a name for an instance: at most {ID_MAX} letters, digits and hyphens")
    _must(id not in lab.instances, f"there is an instance {id} already")
    _must(len(lab.members()) < 16, "a cluster has 16 instances at most")
    instance = lab.create(id)
    try:
        instance.start("SLAVE")
        lab.hold([*lab.instances.values(), instance])
        lab.join(instance)
    except BaseException:
        lab.hold([i for i in lab.instances.values() if i is not instance])
        _dispose(lab, instance)
        raise
    lab.board.tick()
    lab.events.emit("add", id=id)
    lab.show_hosts()
    lab.changed()


def remove(lab, id):
    instance = lab.get(id)
    _must(instance is not lab.writer, f"{id} is the writer; fail over first")
    moment = lab.events.now()
    instance.kill()
    lab.hold([i for i in lab.instances.values() if i is not instance])
    lab.lost_reader()
    _dispose(lab, instance)
    lab.events.emit("remove", moment, id=id)
    lab.show_hosts()
    lab.changed()


def _dispose(lab, instance):
    instance.kill()
    lab.network.remove(instance.key)
    instance.delete()


def _number(name, value, least, most):
    try:
        number = float(value)
    except ValueError:
        number = least - 1
    _must(least <= number <= most, f"{name}={value} is not a number from {least} to {most}")
    return number


def _full(instance, value):
    """Takes every connection slot, as an application without limits would; 0 gives them back."""
    for connection in instance.slots or ():
        connection.close()
    instance.slots = None
    if value == "0":
        instance.sql.query("SET GLOBAL max_connections = 400")
        return
    instance.sql.query("SET GLOBAL max_connections = 10")
    instance.slots = []
    try:
        while True:
            instance.slots.append(wire.Connection(instance.socket_path, "app", "app"))
    except wire.SqlError as error:
        _must(error.code == 1040, str(error))


def change(lab, id, settings):
    instance = lab.get(id)
    for name, value in settings.items():
        if name in ("lag", "cpu"):
            instance.overrides[name] = _number(name, value, 0, 100 if name == "cpu" else 1e9)
        elif name == "delay":
            lab.network.delay(instance.key, _number(name, value, 0, 60000))
        elif name == "loss":
            lab.network.loss(instance.key, _number(name, value, 0, 100))
        elif name == "full":
            _must(value in ("0", "1"), "full is 0 or 1")
            _must(instance.live, f"{id} is {instance.health}")
            _full(instance, value)
        else:
            raise LabError(f"there is no setting {name}; there are lag cpu delay loss full")
    lab.events.emit("set", id=id, **settings)
    if "lag" in settings or "cpu" in settings:
        lab.board.tick()


def firewall(lab, id, lift=False):
    instance = lab.get(id)
    _must(instance.firewalled == lift, f"{id} is {'not ' if lift else ''}behind a firewall" +
          ("" if lift else " already"))
    if lift:
        lab.network.open_firewall(instance.key)
    else:
        lab.network.firewall(instance.key, lab.config["port"])
    instance.firewalled = not lift
    lab.events.emit("firewall", id=id, lifted=lift)
    lab.apply_dns()


def dns_freeze(lab):
    lab.dns_frozen = True


def dns_follow(lab):
    """DNS shows the truth at once, and follows it from now on."""
    lab.dns_frozen = False
    forced = list(lab.zone.points)
    lab.zone.points = {}
    lab.apply_dns()
    for name in forced:
        lab.tell_dns(name)


def _dns_name(lab, name):
    names = lab.names()
    return names[name] if name in ("writer", "reader", "custom") else name.lower().rstrip(".")


def dns_point(lab, name, id):
    """`name` is an endpoint, a kind of endpoint, or any other name, which then exists."""
    names = lab.names()
    name = _dns_name(lab, name)
    _must(re.fullmatch(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+", name), f"{name} is not a DNS name")
    target = names[id] if id in ("writer", "reader", "custom") else \
        names["instances"][lab.get(id).id]
    _must(name != target, f"{name} cannot lead to itself")
    lab.zone.points = {**lab.zone.points, name: target}
    lab.tell_dns(name)


def dns_flicker(lab):
    """What is seen after some failovers: the writer's name leads to the new one, the old, the new.
    """
    name = lab.names()["writer"]
    writer = lab.writer
    other = next((i for i in lab.members() if i is not writer), None)
    _must(writer is not None and other is not None, "to flicker, DNS needs a writer and another")
    for instance in (writer, other):
        dns_point(lab, name, instance.id)
        time.sleep(FLICKER)
    lab.zone.points = {n: t for n, t in lab.zone.points.items() if n != name}
    lab.apply_dns()
    lab.tell_dns(name)


def _must(condition, sentence):
    if not condition:
        raise LabError(sentence)


FLICKER = 1.0

UNLOCKED = {"status": status}
LOCKED = {"failover": failover, "kill": kill, "stop": stop, "start": start, "pause": pause,
          "resume": resume, "cut": cut, "heal": heal, "add": add, "remove": remove, "set": change,
          "firewall": firewall, "switchover": switchover, "dns freeze": dns_freeze,
          "dns follow": dns_follow, "dns point": dns_point, "dns flicker": dns_flicker}


def run(lab, name, arguments):
    if name in UNLOCKED:
        return UNLOCKED[name](lab, **arguments)
    with lab.lock:
        if lab.commands is None:
            return LOCKED[name](lab, **arguments)
        if name not in lab.commands:
            raise LabError(f"there is no {name} here; there are {' '.join(lab.commands)}")
        return lab.commands[name](**arguments)
