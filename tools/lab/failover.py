# SPDX-License-Identifier: Apache-2.0
"""How a writer fails and how a reader takes over, without losing an acknowledged commit.

A commit is acknowledged after one reader has it in its relay log.  So the reader with the most in
its relay log has everything; it applies all of it before it takes writes, and it takes writes only
when another reader again confirms its commits.
"""
import random
import threading
import time

from cluster import together, until
from state import LabError
from wire import SqlError

MODES = ("crash", "graceful", "blackhole", "reboot")
APPLY_LIMIT = 60.0


def failover(lab, mode="crash", to=None, promote=True, keep_connections=False, detect=None):
    if mode not in MODES:
        raise LabError(f"there is no mode {mode}; there are {' '.join(MODES)}")
    old = lab.writer
    target = lab.get(to) if to else None
    if target and target.retired:
        raise LabError(f"{to} belongs to the retired cluster")
    if target is old and target is not None:
        raise LabError(f"{to} is the writer already")
    if target and not target.live:
        raise LabError(f"{to} is {target.health}, it cannot be promoted")
    if promote and not lab.live_readers():
        raise LabError("there is no live reader to promote")
    if mode == "graceful":
        if old is None or not old.live:
            raise LabError("a graceful failover needs a writer that lives")
        if not promote:
            raise LabError("a graceful failover is a promotion")
        return _graceful(lab, old, target, keep_connections)
    if old is not None:
        _fail(lab, old, mode)
    if not promote:
        return {"failed": old.id if old else None}
    time.sleep(lab.config["detect"] if detect is None else detect)
    if old is not None and mode == "blackhole":
        old.kill()  # the host is gone; nobody hears of this end
    new = _choose(lab, target)
    _drain(new)
    _promote(new, keep_connections)
    _take_over(lab, new, [i for i in lab.live_readers() if i is not new])
    if old is not None:
        threading.Thread(target=_return, args=(lab, old, mode), daemon=True).start()
    return {"writer": new.id, "failed": old.id if old else None}


def _fail(lab, old, mode):
    fresh = old.health in ("up", "paused")  # else it has failed before, and that was told
    moment = lab.events.now()
    if mode in ("blackhole", "reboot") and not old.cut:
        lab.network.cut(old.key)
        old.cut = True
    if mode != "blackhole":
        old.kill()
    if fresh:
        lab.events.emit("failure", moment, id=old.id, mode=mode)


def _choose(lab, target):
    """The most advanced reader; a wanted one is first given what it lacks."""
    readers = lab.live_readers()
    received = dict(zip((i.id for i in readers), together(lambda i: i.stop_receiving(), readers)))
    best = max(readers, key=lambda i: received[i.id])
    if target is None or received[target.id] >= received[best.id]:
        return target or best
    _drain(best)
    position = best.position()
    target.follow(best)
    until(lambda: target.position() >= position, f"{target.id} does not catch up", APPLY_LIMIT)
    return target


def _drain(instance):
    """Until all that was received is applied.  A transaction of which only a part has arrived was
    never acknowledged; the replica waits for the rest of it and stops there."""
    idle = 0

    def done():
        nonlocal idle
        if instance.received() <= instance.position():
            return True
        idle = idle + 1 if instance.waits() else 0
        return idle >= 10

    until(done, f"{instance.id} does not apply what it has received", APPLY_LIMIT)


def _promote(new, keep_connections):
    new.leave()
    if not keep_connections:
        new.stop()
        new.start("MASTER")


def _take_over(lab, new, others):
    lab.secure(new, others)
    lab.open_for_writes(new)
    for instance in lab.readers():
        instance.role = "reader"
    lab.board.promoted(new)
    lab.changed()


def _graceful(lab, old, target, keep_connections):
    """The old writer hands over in good order.  As on Aurora it and the promoted one restart, which
    ends their connections; with keep_connections the old one keeps them, as a reader."""
    lab.events.emit("failure", id=old.id, mode="graceful")
    old.sql.query("SET lock_wait_timeout = 5")
    try:
        old.sql.query("FLUSH TABLES WITH READ LOCK")
    except SqlError as error:
        raise LabError(f"{old.id} cannot stop its writes: {error}") from None
    try:
        position = old.position()
        readers = lab.live_readers()
        new = target or max(readers, key=lambda i: i.position())
        until(lambda: new.position() >= position, f"{new.id} does not catch up", APPLY_LIMIT)
        if not keep_connections:
            # Writers that wait for the lock must fail when it goes, not commit.
            old.sql.query("SET GLOBAL read_only = 1")
            old.stop()
        _promote(new, keep_connections)
        _take_over(lab, new, [i for i in readers if i is not new])
        if keep_connections:
            time.sleep(random.uniform(0, lab.behaviour.late))
            old.sql.query("SET GLOBAL read_only = 1")
    finally:
        if old.live:
            old.sql.query("UNLOCK TABLES")
    if not keep_connections:
        threading.Thread(target=_return, args=(lab, old, "graceful"), daemon=True).start()
        return {"writer": new.id, "failed": old.id}
    old.wait_for_readers(False)
    lab.join(old)
    lab.events.emit("back", id=old.id, role="reader")
    lab.changed()
    return {"writer": new.id, "failed": old.id}


def _return(lab, old, mode):
    """The failed writer comes back as a reader; behind a black hole, unseen until it is healed."""
    with lab.lock:
        if old.id not in lab.instances or old.live:
            return
        try:
            old.start("SLAVE")
            lab.join(old)
            if mode == "reboot":
                lab.network.heal(old.key)
                old.cut = False
        except (LabError, OSError, SqlError) as error:
            lab.events.emit("problem", id=old.id, text=str(error))
            return
        if not old.cut:
            lab.events.emit("back", id=old.id, role="reader")
        lab.changed()
