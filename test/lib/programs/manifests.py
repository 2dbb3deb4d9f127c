# SPDX-License-Identifier: Apache-2.0
"""tools/deploy/kubernetes: what kustomize makes of it, and what its policies make of a pod."""
import os
import re
import subprocess

import yaml

from lib.paths import ROOT

DEPLOY = os.path.join(ROOT, "tools", "deploy")
KUBERNETES = os.path.join(DEPLOY, "kubernetes")

PODS = [  # what is changed in the example's pod; whether sidecar and node take it
    ("as it is", lambda s: None, True, True),
    ("that is injected", lambda s: s.update(volumes=[{"name": "pelorus"}]), False, False),
    ("that has other volumes", lambda s: s.update(volumes=[{"name": "x"}]), True, True),
    ("that preloads something",
     lambda s: s["containers"][0]["env"].append({"name": "LD_PRELOAD", "value": "x"}), False,
     False),
    ("that does not tell its user", lambda s: s.pop("securityContext"), False, True),
    ("of root", lambda s: s.update(securityContext={"runAsUser": 0}), False, True),
    ("of two users",
     lambda s: s["containers"][0].update(securityContext={"runAsUser": 7}), False, True),
    ("without variables", lambda s: s["containers"][0].pop("env"), True, True),
]


def kustomize(name):
    made = subprocess.run(["kubectl", "kustomize", os.path.join(KUBERNETES, name)],
                          capture_output=True, text=True)
    if made.returncode != 0:
        raise RuntimeError(f"{name}: {made.stderr}")
    return list(yaml.safe_load_all(made.stdout))


def plain():
    """The example's pod without Pelorus."""
    with open(os.path.join(KUBERNETES, "example", "deployment.yaml")) as file:
        return yaml.safe_load(file)["spec"]["template"]["spec"]


def by_name(spec):
    """Lists of named things, whatever their order, but for containers that start one by one."""
    def sort(value, key=None):
        if isinstance(value, dict):
            return {k: sort(v, k) for k, v in value.items()}
        if isinstance(value, list):
            named = all(isinstance(v, dict) and "name" in v for v in value)
            value = [sort(v) for v in value]
            return sorted(value, key=lambda v: v["name"]) if named and key != "initContainers" \
                else value
        return value
    return sort(spec)


def merged(old, new):
    """What both policies mean by merging, as far as ours go: what has a name is found by it."""
    if isinstance(new, dict) and isinstance(old, dict):
        return {**old, **{k: merged(old.get(k), v) for k, v in new.items()}}
    if isinstance(new, list) and all(isinstance(v, dict) for v in new):
        old = old or []
        if new and new[0].get("(name)") == "*":
            added = {k: v for k, v in new[0].items() if k != "(name)"}
            return [merged(v, added) for v in old]
        there = {v["name"]: v for v in old}
        return [merged(there.pop(v["name"], {}), v) for v in new] + list(there.values())
    return new


def literal(expression, container):
    """A CEL expression of ours as what it makes for a pod of one container: its types are dropped,
    and it is a literal then but for that container's name."""
    text = re.sub(r"(?:Object|JSONPatch)[\w.]*\{", "{", expression)
    text = re.sub(r"([{,]\s*)(\w+):", r'\1"\2":', text)
    text = text.replace("object.spec.containers.map(c, ", "[(").replace(
        "c.name", repr(container)).replace("(has(object.spec.initContainers) ? [] : ", "(")
    if text.count("[("):
        head, tail = text.split("[(", 1)
        text = head + "[(" + tail.replace("})", "})]", 1) if "})" in tail else text
    return eval(text, {"true": True, "false": False})


def injected(policy):
    """What a MutatingAdmissionPolicy makes of the example's pod."""
    spec = plain()
    for mutation in policy["spec"]["mutations"]:
        if mutation["patchType"] == "ApplyConfiguration":
            made = literal(mutation["applyConfiguration"]["expression"], "app")
            spec = merged(spec, made["spec"])
            continue
        for step in literal(mutation["jsonPatch"]["expression"], "app"):
            if step["path"] == "/spec/initContainers":
                spec["initContainers"] = step["value"]
            else:
                spec["initContainers"].insert(int(step["path"].rsplit("/", 1)[1]), step["value"])
    return spec
