#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""tools/deploy/kubernetes and tools/deploy/ecs: what kustomize makes of them fits the schemas of
the releases that they are for; injection by either policy is what the component does; their
commands run as they stand, from our image, in namespaces as an engine makes them, against a lab.
"""
import gzip
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile

from lib import documents
from lib.installed import Installed
from lib.lab import Lab
from lib.paths import ROOT
from lib.programs import manifests, schema, wheels
from lib.programs.manifests import DEPLOY, KUBERNETES, PODS, by_name, injected, merged, plain
from lib.tap import done, note, ok, skip
from lib.waiting import wait_for

RELEASES = {"example": ("1.29", "1.37"), "node": ("1.29", "1.37"),
            "inject": ("1.36", "1.37")}
# What ECS's API takes, as AWS's own client library knows it; Apache-2.0.
BOTOCORE = ("botocore", "1.44.5",
            "8f16a56d1dff125dd65322ae021efa7ba5195a6db5102b96862566055b748921")
CONTAINER = os.path.join(ROOT, "test", "lib", "container.py")
APP = """
import os, sys, pymysql
db = pymysql.connect(host=os.environ["DB_HOST"], user="app", password="app")
print("libpelorus.so" in open("/proc/self/maps").read() and db.open, flush=True)
sys.stdin.read()
"""


def check_schemas(built):
    for name, releases in RELEASES.items():
        for release in releases:
            known = schema.Kubernetes(release)
            if known.why:
                skip(f"{name} fits the schemas of Kubernetes {release}", known.why)
                continue
            wrong = [f"{d['kind']}: {e}" for d in built[name] if (e := known.errors(d))]
            ok(not wrong, f"{name} fits the schemas of Kubernetes {release}", "\n".join(wrong))
    known = schema.Kubernetes("1.37")
    if not known.why:
        bad = dict(built["example"][0], spec={"template": {"spec": {"volume": []}}})
        ok(known.errors(bad), "which would find a mistake")


def only(documents, kind):
    found, = (d for d in documents if d["kind"] == kind)
    return found


def check_injection(built):
    component = only(built["example"], "Deployment")["spec"]["template"]["spec"]
    for d in built["inject-kyverno"]:
        rule, = d["spec"]["rules"]
        made = by_name(merged(plain(), rule["mutate"]["patchStrategicMerge"]["spec"]))
        policy, = (p for p in built["inject"] if p["kind"] == "MutatingAdmissionPolicy" and
                   p["metadata"]["name"] == d["metadata"]["name"])
        ok(by_name(injected(policy)) == made, f"{d['metadata']['name']}: both policies do the same",
           json.dumps([by_name(injected(policy)), made], indent=1))
        if d["metadata"]["name"] == "pelorus-sidecar":
            ok(made == by_name(component), "which is what the component does",
               json.dumps([made, by_name(component)], indent=1))
        ok(d["spec"]["failurePolicy"] == policy["spec"]["failurePolicy"] == "Ignore",
           "and none of them keeps a pod from starting")
    check_conditions(built)


def check_conditions(built):
    """Kyverno's by its language; those of the other are tried by test/foreign/admission/run."""
    try:
        import jmespath
    except ImportError:
        skip("which pods are taken", "python3-jmespath is not installed")
        return
    for d in built["inject-kyverno"]:
        rule, = d["spec"]["rules"]
        column = 2 if d["metadata"]["name"] == "pelorus-sidecar" else 3
        wrong = []
        for row in PODS:
            spec = plain()
            row[1](spec)
            held = []
            for one in rule["preconditions"]["all"]:
                value = jmespath.search(one["key"].strip("{} "), {"request": {"object":
                                                                              {"spec": spec}}})
                held.append((value == one["value"]) == (one["operator"] == "Equals"))
            if all(held) != row[column]:
                wrong.append(row[0])
        ok(not wrong, f"{d['metadata']['name']}: of {len(PODS)} kinds of pods the right ones",
           wrong)


class Service:
    """A shape of botocore's, and what does not fit it."""

    def __init__(self, archive, name):
        folder = f"botocore/data/{name}/"
        path, = (f for f in archive.namelist()
                 if f.startswith(folder) and f.endswith("/service-2.json.gz"))
        self.told = json.loads(gzip.decompress(archive.read(path)))

    def errors(self, shape, value, path=""):
        shape = self.told["shapes"][shape]
        kind = {"structure": dict, "map": dict, "list": list, "string": str, "integer": int,
                "boolean": bool}[shape["type"]]
        if not isinstance(value, kind) or kind is int and isinstance(value, bool):
            return [f"{path} is no {shape['type']}"]
        if "enum" in shape and value not in shape["enum"]:
            return [f"{path}: {value} is none of {shape['enum']}"]
        if shape["type"] == "list":
            return [e for i, v in enumerate(value)
                    for e in self.errors(shape["member"]["shape"], v, f"{path}[{i}]")]
        if shape["type"] != "structure":
            return []
        wrong = [f"{path}.{k} is missing" for k in shape.get("required", []) if k not in value]
        for key, one in value.items():
            member = shape["members"].get(key)
            wrong += self.errors(member["shape"], one, f"{path}.{key}") if member else \
                [f"{path}.{key} is not known"]
        return wrong


def check_ecs(spec):
    with open(os.path.join(DEPLOY, "ecs", "task-definition.json")) as file:
        task = json.load(file)
    archive, why = wheels.packed(*BOTOCORE)
    if archive:
        service = Service(archive, "ecs")
        shape = service.told["operations"]["RegisterTaskDefinition"]["input"]["shape"]
        wrong = service.errors(shape, task)
        ok(not wrong, "ECS's API would take the task definition", wrong)
        ok(service.errors(shape, {"containerDefinitions": [{"nam": "x"}]}), "and no mistake")
    else:
        skip("ECS's API would take the task definition", why)
    app, = (c for c in task["containerDefinitions"] if c["name"] == "app")
    pod, = spec["containers"]
    ok({e["name"] for e in app["environment"]} == {e["name"] for e in pod["env"]},
       "its application has the variables that a pod's has")
    return task


def unpack(archive, folder):
    """The image's root, layer upon layer."""
    with tarfile.open(archive) as layout:
        def blob(told):
            return layout.extractfile("blobs/" + told["digest"].replace(":", "/"))
        index = json.load(layout.extractfile("index.json"))
        manifest = json.load(blob(index["manifests"][0]))
        config = json.load(blob(manifest["config"]))
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=blob(layer)) as tar:
                tar.extractall(folder)
    return config["config"]


def image(folder):
    """Of an installation, as a release makes it of packages: its root and its configuration."""
    tree, archive = os.path.join(folder, "tree"), os.path.join(folder, "image.tar")
    with Installed() as installed:
        shutil.copytree(installed.prefix, os.path.join(tree, "usr"), symlinks=True)
    made = subprocess.run([os.path.join(ROOT, "tools", "packaging", "image"), tree, archive,
                           "0.1.0"], env=dict(os.environ, SOURCE_DATE_EPOCH="1"), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    ok(made.returncode == 0, "the image is made", made.stdout)
    root = os.path.join(folder, "root")
    config = unpack(archive, root)
    note(f"image: {os.path.getsize(archive)} bytes, of {len(made.stdout.splitlines())} packages")
    with open(os.path.join(root, "etc/ssl/certs/ca-certificates.crt")) as file:
        ours = file.read()
    count = ours.count("BEGIN CERTIFICATE")
    local = "/usr/local/share/ca-certificates"
    mine = [open(os.path.join(local, f)).read().strip() for f in os.listdir(local)] \
        if os.path.isdir(local) else []
    ok(count > 100 and not any(m in ours for m in mine),
       "it has the world's authorities, and not those of this machine", count)
    return root, config


class Pod:
    """Containers of manifests: their commands, variables and mounts; volumes are folders."""

    def __init__(self, lab, folder, root, config, volumes, uid):
        self.lab, self.folder, self.root, self.config = lab, folder, root, config
        self.volumes, self.uid = volumes, uid

    def command(self, container, command=None):
        words = command or [*(container.get("command") or self.config["Entrypoint"]),
                            *container.get("args", [])]
        environment = dict(e.split("=", 1) for e in self.config["Env"])
        environment.update({e["name"]: e["value"] for e in container.get("env", [])})
        mounts = [[self.volumes[m["name"]], m["mountPath"], bool(m.get("readOnly"))]
                  for m in container["volumeMounts"]]
        told = json.dumps({"root": self.root, "mounts": mounts,
                           "uid": container.get("uid", self.uid),
                           "environment": environment, "command": words})
        return ["unshare", "--mount", "--propagation", "private", "--pid", "--fork",
                "--kill-child", "/usr/bin/python3", CONTAINER, told]

    def run(self, container, command=None):
        return self.lab.exec(*self.command(container, command), check=False)

    def start(self, container):
        return self.lab.popen(*self.command(container), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def app(self, container, uid):
        """The application, of this machine's files, as a user, with processes of its own."""
        places = {m["mountPath"]: m for m in container["volumeMounts"]}
        script = ""
        environment = dict(os.environ, DB_HOST=self.lab.writer_name, DB_USER="app",
                           DB_PASSWORD="app")
        for inside, mount in places.items():
            there = self.volumes[mount["name"]]
            if mount.get("readOnly"):
                script += f"mount --bind {there} {there}; mount -o remount,bind,ro {there}; "
            for e in container["env"]:
                if e["value"].startswith(inside):
                    e["value"] = there + e["value"][len(inside):]
        preload = next(e["value"] for e in container["env"] if e["name"] == "LD_PRELOAD")
        environment.update({e["name"]: e["value"] for e in container["env"]
                            if e["name"].startswith("PELORUS")})
        script += f"exec setpriv --reuid {uid} --regid {uid} --clear-groups " \
            f"env LD_PRELOAD={preload} /usr/bin/python3 -c '{APP}'"
        return self.lab.popen("unshare", "--mount", "--propagation", "private", "--pid", "--fork",
                              "--kill-child", "bash", "-euc", script, env=environment, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def of_ecs(container):
    """A container of ECS, in Kubernetes's words."""
    return {"name": container["name"], "command": container.get("entryPoint", []),
            "args": container.get("command", []), "env": container.get("environment", []),
            "uid": int(container["user"]), "resources": {"limits": {"memory": "64Mi"}},
            "startupProbe": {"exec": {"command": container.get("healthCheck", {}).get(
                "command", [])[1:]}},
            "volumeMounts": [{"name": m["sourceVolume"], "mountPath": m["containerPath"]}
                             for m in container["mountPoints"]]}


def volumes_of(spec, folder):
    made = {}
    for volume in spec["volumes"]:
        made[volume["name"]] = os.path.join(folder, volume["name"])
        os.mkdir(made[volume["name"]])
        if "emptyDir" in volume:
            os.chmod(made[volume["name"]], 0o777)
    return made


def write(path, text, mode):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
        out.write(text)
    os.chmod(path, mode)


def peak_of(child):
    """What the daemon's processes have had of memory at most, in MiB."""
    total, todo = 0, [child.pid]
    while todo:
        pid = todo.pop()
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            todo += map(int, file.read().split())
        with open(f"/proc/{pid}/status") as file:
            status = file.read()
        if "Name:\tpelorusd" in status:
            total += int(re.search(r"VmHWM:\s+(\d+)", status).group(1))
    return total / 1024


def live_of(pod, daemon):
    return json.loads(pod.run(daemon, ["pelorus", "status", "--json"]).stdout)["clients"]["live"]


def try_out(what, pod, init, daemon, app, uid, counted):
    for container in init:
        made = pod.run(container)
        ok(made.returncode == 0, f"{what}: {container['name']} does what it is for",
           made.stdout + made.stderr)
    child = pod.start(daemon)
    try:
        probe = daemon["startupProbe"]["exec"]["command"]
        ok(wait_for(lambda: pod.run(daemon, probe).returncode == 0, every=0.1),
           f"{what}: the daemon becomes ready")
        with pod.app(app, uid) as program:
            try:
                said = program.stdout.readline()
                ok(said == "True\n", f"{what}: an application preloads, and connects", said)
                told = pod.run(daemon, ["pelorus", "topology", "--wait", pod.lab.writer_name])
                ok(told.returncode == 0 and "the writer is" in told.stdout,
                   f"{what}: its cluster is followed", told.stdout + told.stderr)
                if counted:
                    ok(wait_for(lambda: live_of(pod, daemon) == 1, every=0.2),
                       f"{what}: the daemon counts it, in its other process namespace")
            finally:
                program.stdin.close()
        limit = int(daemon["resources"]["limits"]["memory"].removesuffix("Mi"))
        peak = peak_of(child)
        note(f"{what}: the daemon has needed {peak:.1f} MiB")
        ok(0 < peak < limit / 2, f"{what}: the daemon needs less than half of its memory", peak)
    finally:
        pod.run(daemon, ["pelorus", "stop"])
        child.wait(20)


def main():
    if os.getuid() != 0 or not shutil.which("kubectl"):
        skip("the manifests", "only root makes containers, and kubectl builds the manifests")
        done()
    built = {name: manifests.kustomize(name)
             for name in ("example", "node", "inject", "inject-kyverno")}
    ok(all(built.values()), "kustomize builds all of them")
    for label, text in documents.blocks("docs/kubernetes.md"):
        if label == "sh kubernetes":
            made = subprocess.run(["bash", "-euc", text], cwd=ROOT, capture_output=True, text=True)
            ok(made.returncode == 0, f"as the document prints it: {text.strip()}", made.stderr)
    check_schemas(built)
    check_injection(built)
    spec = only(built["example"], "Deployment")["spec"]["template"]["spec"]
    task = check_ecs(spec)
    daemons = only(built["node"], "DaemonSet")["spec"]["template"]["spec"]
    node = injected(next(d for d in built["inject"] if d["metadata"]["name"] == "pelorus-node" and
                         d["kind"] == "MutatingAdmissionPolicy"))
    with tempfile.TemporaryDirectory(prefix="pkubernetes-") as folder, Lab(instances=2) as lab:
        os.chmod(folder, 0o755)
        root, config = image(folder)
        for name in ("pod", "node", "task"):
            os.mkdir(os.path.join(folder, name))
        volumes = volumes_of(spec, os.path.join(folder, "pod"))
        write(os.path.join(volumes["pelorus-config"], "pelorus.conf"),
              "[pelorus]\nuser = pelorus\npassword-file = /pelorus/password\n", 0o644)
        write(os.path.join(volumes["pelorus-secret"], "password"), "pelorus\n", 0o644)
        library, daemon = spec["initContainers"]
        try_out("sidecar", Pod(lab, folder, root, config, volumes, 1000), [library], daemon,
                spec["containers"][0], 1000, True)
        volumes = volumes_of(daemons, os.path.join(folder, "node"))
        shutil.copy(os.path.join(KUBERNETES, "node", "pelorus.conf"), volumes["config"])
        write(os.path.join(volumes["secret"], "password"), "pelorus\n", 0o400)
        daemon, = daemons["containers"]
        volumes.update({"pelorus": volumes["run"], "pelorus-library": volumes["library"]})
        try_out("node", Pod(lab, folder, root, config, volumes, 0), daemons["initContainers"],
                daemon, node["containers"][0], 1000, False)
        library, daemon, app = map(of_ecs, task["containerDefinitions"])
        volumes = volumes_of(task, os.path.join(folder, "task"))
        app["env"] = [e for e in app["env"] if e["name"] != "DB_HOST"]
        try_out("ECS", Pod(lab, folder, root, config, volumes, 1000), [library], daemon, app, 1000,
                True)
    done()


main()
