# SPDX-License-Identifier: Apache-2.0
"""Three servers of a group, the third of them in a network namespace of its own, to be cut off.

pid = apart.network(stack, folder, hosts)     hosts: {name: address}; the last lives apart
with apart.cut_off("33061-33063"):            it does not hear its group, nor the group it
"""
import contextlib
import os
import subprocess

from lib.waiting import wait_for

ADDRESSES = tuple(f"10.77.0.{n}" for n in (1, 2, 3))


def network(stack, folder, hosts):
    """All but the last of the addresses here, that one in a namespace that is kept by a process:
    the words to run a command there."""
    keeper = stack.enter_context(subprocess.Popen(["unshare", "--net", "sleep", "3600"]))
    stack.callback(keeper.kill)
    here = os.readlink("/proc/self/ns/net")
    wait_for(lambda: os.readlink(f"/proc/{keeper.pid}/ns/net") != here, 10)
    inside = ["nsenter", f"--net=/proc/{keeper.pid}/ns/net"]
    *near, far = hosts.values()
    for words in (["ip", "link", "add", "hub", "type", "veth", "peer", "name", "eth0", "netns",
                   str(keeper.pid)],
                  *(["ip", "address", "add", f"{a}/24", "dev", "hub"] for a in near),
                  ["ip", "link", "set", "hub", "up"],
                  [*inside, "ip", "address", "add", f"{far}/24", "dev", "eth0"],
                  [*inside, "ip", "link", "set", "eth0", "up"],
                  [*inside, "ip", "link", "set", "lo", "up"]):
        subprocess.run(words, check=True)
    path = os.path.join(folder, "hosts")
    with open(path, "w") as out:
        out.write("127.0.0.1 localhost\n")
        out.writelines(f"{a} {h}\n" for h, a in hosts.items())
    subprocess.run(["mount", "--bind", path, "/etc/hosts"], check=True)
    return inside


@contextlib.contextmanager
def cut_off(ports):
    """The server that lives apart does not hear its group, nor the group it; all others do."""
    rules = "".join(f"chain {hook} {{ type filter hook {hook} priority 0; {way} hub tcp {port} "
                    f"{ports} drop\n}}\n" for hook, way, port in (
                        ("input", "iifname", "dport"), ("output", "oifname", "dport")))
    more = rules.replace("chain ", "chain s").replace("dport", "sport")
    subprocess.run(["nft", "-f", "-"], input=f"table inet cut {{\n{rules}{more}}}\n", text=True,
                   check=True)
    yield
    subprocess.run(["nft", "delete", "table", "inet", "cut"], check=True)
