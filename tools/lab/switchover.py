# SPDX-License-Identifier: Apache-2.0
"""A blue/green switchover: it is a rename.

New instances, complete copies at other addresses, take over the ids and names.  The old ones become
ID-old1: read-only, without clients, still up.  DNS moves name by name.
"""
import random
import time

import wire
import zone
from board import Board
from cluster import together
from state import LabError

DNS_SECONDS = 2.0


def switchover(lab):
    if lab.writer is None or not lab.writer.live:
        raise LabError("a switchover needs a writer that lives")
    blue = lab.members()
    if len(lab.instances) + len(blue) > 64:
        raise LabError("too many retired instances; remove some first")
    lab.events.emit("switchover", state="provisioning")
    generation = len(lab.retired) + 1
    board = Board(f"{lab.path}/status{generation}.tsv", lab.behaviour, lab.events)
    green = _provision(lab, blue, board)
    old_writer, new_writer = lab.writer, green[blue.index(lab.writer)]
    lab.events.emit("switchover", state="begins", id=old_writer.id)
    old_writer.sql.query("FLUSH TABLES WITH READ LOCK")
    try:
        lab.catch_up(green)
        new_writer.sql.query("STOP SLAVE")
        new_writer.sql.query("RESET SLAVE ALL")
        lab.secure(new_writer, [i for i in green if i is not new_writer])
        names = _retire(lab, blue, generation)
        old_writer.sql.query("SET GLOBAL read_only = 1")
    finally:
        old_writer.sql.query("UNLOCK TABLES")
    old_writer.sql.query("SET GLOBAL rpl_semi_sync_master_enabled = 0")
    together(_drop_clients, [i for i in blue if i.live])
    before = lab.zone.view
    lab.board.rename(names)
    lab.retired.append(lab.board)
    lab.board = board
    lab.hold([*green, *(i for i in lab.instances.values() if i not in green)])
    lab.open_for_writes(new_writer)
    board.show_writer(new_writer)
    board.tick()
    _move_names(lab, before)
    lab.events.emit("switchover", state="completed", id=new_writer.id)
    return {"writer": new_writer.id}


def _provision(lab, blue, board):
    """As many new instances, of the same ids, that follow the old writer."""
    green = [lab.create(i.id, board) for i in blue]
    board.instances = green
    try:
        together(lambda i: i.start("SLAVE"), green)
        together(lambda i: i.follow(lab.writer), green)
        lab.catch_up(green)
    except BaseException:
        for instance in green:
            instance.kill()
            lab.network.remove(instance.key)
        raise
    return green


def _retire(lab, blue, generation):
    """Gives the old instances their new names; {old: new}."""
    names = {}
    for instance in blue:
        names[instance.id] = f"{instance.id}-old{generation}"
        instance.id, instance.retired = names[instance.id], True
        instance.role = "reader"
        if instance.live:
            instance.sql.query(f"SET GLOBAL aurora_server_id = '{instance.id}'")
    return names


def _drop_clients(instance):
    for ident, in instance.sql.query("SELECT id FROM information_schema.processlist "
                                     "WHERE user IN ('app', 'pelorus')"):
        try:
            instance.sql.query(f"KILL CONNECTION {ident}")
        except wire.SqlError:
            pass  # it has gone by itself


def _move_names(lab, before):
    """One name after another, in any order, leads to its new address."""
    lab.dns_era += 1
    wanted, hosts = lab.dns_truth()
    moving = [name for name in hosts if hosts[name] != before.hosts.get(name)]
    random.shuffle(moving)
    shown = dict(before.hosts)
    for name in moving:
        time.sleep(DNS_SECONDS / len(moving))
        if lab.dns_frozen:
            return
        shown = {**shown, name: hosts[name]}
        lab.zone.view = zone.View(shown, before.targets)
        lab.events.emit("dns", name=name, addresses=hosts[name])
    lab.show_dns(wanted, hosts)
