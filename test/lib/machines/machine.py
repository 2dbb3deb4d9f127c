# SPDX-License-Identifier: Apache-2.0
"""A machine of its own with a distribution's kernel, by qemu-system: what runs there sees a file
tree of this one, whose changes stay in the other's memory.

    kernel, why = machine.kernel("x86_64", folder)
    text, status = machine.run(kernel, ["/usr/bin/python3", ...])

It is emulated (TCG): a minute of it is some seconds of this machine.
"""
import collections
import glob
import os
import re
import shutil
import subprocess
import tempfile

from lib.paths import BUILD, ROOT

VIRTIOFSD = ("/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd")
MODULES = ("virtio_pci", "virtiofs", "overlay", "veth", "bridge", "dummy", "nf_tables", "nft_ct",
           "nft_reject_inet", "nft_limit", "tcp_diag", "udp_diag")
Kind = collections.namedtuple("Kind", "package program options console")
KINDS = {
    "x86_64": Kind("linux-image-cloud-amd64", "qemu-system-x86_64",
                   ["-M", "q35", "-cpu", "max"], "ttyS0"),
    "aarch64": Kind("linux-image-cloud-arm64", "qemu-system-aarch64",
                    ["-M", "virt", "-cpu", "cortex-a72"], "ttyAMA0"),
}
# image: what is booted; modules: a folder; boot: the first process; tree: what is its /.
Kernel = collections.namedtuple("Kernel", "kind name image modules boot tree")


def _fetch(package, folder):
    """The kernel that Debian's package stands for, unpacked there; None, or why not."""
    depends = subprocess.run(["apt-cache", "depends", "--important", package],
                             capture_output=True, text=True)
    found = re.search(r"Depends: (linux-image-\S+)", depends.stdout)
    if not found:
        return f"apt knows no {package}"
    with tempfile.TemporaryDirectory(dir=folder, prefix="fetch-") as room:
        got = subprocess.run(["apt-get", "download", "-q", found[1]], cwd=room, text=True,
                             capture_output=True, stdin=subprocess.DEVNULL)
        files = glob.glob(os.path.join(room, "*.deb"))
        if not files:
            return f"{found[1]} cannot be had: {(got.stderr.splitlines() or ['?'])[-1]}"
        into = os.path.join(room, "tree")
        subprocess.run(["dpkg", "-x", files[0], into], check=True)
        os.rename(into, os.path.join(folder, "kernel"))
    return None


def kernel(name, tree="/", build=BUILD):
    """(kernel, None), or (None, why there is none).  One that is not in the tree is fetched."""
    kind, boot = KINDS[name], os.path.join(build, "test", "guests", "boot-static")
    if os.getuid() != 0:
        return None, "who lends a file tree must be root"
    for program in (kind.program, next(filter(os.path.exists, VIRTIOFSD), "virtiofsd"), boot):
        if not shutil.which(program):
            return None, f"there is no {os.path.basename(program)} here"
    if tree == "/":
        folder = os.path.join(ROOT, "build", "machine")
        os.makedirs(folder, exist_ok=True)
        held = os.path.join(folder, "kernel")
        why = None if os.path.isdir(held) else _fetch(kind.package, folder)
        if why:
            return None, why
    else:
        held = tree
    image = glob.glob(os.path.join(held, "boot", "vmlinuz-*"))
    modules = glob.glob(os.path.join(held, "lib", "modules", "*", "kernel"))
    if not image or not modules:
        return None, f"there is no kernel in {held}"
    return Kernel(kind, os.path.basename(image[0])[8:], image[0], modules[0], boot, tree), None


def _needed(folder):
    """The modules' files, each behind those that it depends on."""
    files = {os.path.basename(f)[:-3].replace("-", "_"): f
             for f in glob.glob(f"{folder}/**/*.ko", recursive=True)}
    found = {}

    def need(name):
        if name in found or name not in files:
            return
        with open(files[name], "rb") as module:
            content = module.read()
        depends = re.search(rb"\0depends=([^\0]*)\0", content)
        for other in depends[1].decode().split(",") if depends else ():
            need(other.replace("-", "_"))
        found[name] = content
    for name in MODULES:
        need(name)
    return found


def _put(archive, number, name, mode, content=b""):
    """One file of a cpio archive, as the kernel reads it."""
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
    for part in (head, content):
        archive.write(part + b"\0" * (-len(part) % 4))


def _write_initramfs(path, kern):
    modules = _needed(kern.modules)
    with open(kern.boot, "rb") as boot:
        files = [("init", 0o100755, boot.read()),
                 ("modules", 0o100644, "".join(f"/{m}.ko\n" for m in modules).encode()),
                 *((f"{name}.ko", 0o100644, content) for name, content in modules.items()),
                 *((name, 0o40755, b"") for name in ("dev", "lower")), ("TRAILER!!!", 0, b"")]
    with open(path, "wb") as archive:
        for number, each in enumerate(files):
            _put(archive, number, *each)


def _lend(kern, folder):
    """The process that lends the tree, with ours in its place below it."""
    words = [next(filter(os.path.exists, VIRTIOFSD)), f"--socket-path={folder}/tree", "-o",
             f"source={kern.tree}", "-o", "cache=always", "-o", "sandbox=chroot"]
    below = os.path.join(kern.tree, ROOT[1:])
    if kern.tree != "/":
        os.makedirs(below, exist_ok=True)
        words = ["unshare", "-m", "sh", "-c", 'mount --bind "$1" "$2"; shift 2; exec "$@"', "sh",
                 ROOT, below, *words]
    return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *words],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run(kern, words, limit=300, memory="2G"):
    """(what the command said, its status or what became of the machine)"""
    with tempfile.TemporaryDirectory(prefix="pelorus-machine-") as folder:
        initramfs = os.path.join(folder, "initramfs")
        _write_initramfs(initramfs, kern)
        lender = _lend(kern, folder)
        try:
            subprocess.run(["timeout", "20", "sh", "-c",
                            f"until [ -S {folder}/tree ]; do sleep 0.02; done"], check=True)
            got = subprocess.run(
                ["setpriv", "--pdeathsig", "KILL", kern.kind.program, *kern.kind.options,
                 "-accel", "tcg,thread=multi", "-smp", "2", "-m", memory, "-nodefaults",
                 "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
                 "-object", f"memory-backend-memfd,id=memory,size={memory},share=on",
                 "-numa", "node,memdev=memory", "-chardev", f"socket,id=tree,path={folder}/tree",
                 "-device", "vhost-user-fs-pci,chardev=tree,tag=tree",
                 "-kernel", kern.image, "-initrd", initramfs, "-append",
                 f"console={kern.kind.console} quiet panic=-1 -- {' '.join(words)}"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                timeout=limit)
            text = got.stdout
        except subprocess.TimeoutExpired as late:
            text = (late.stdout or b"") + f"\nmachine: over {limit} s".encode()
        finally:
            lender.kill()
            lender.wait()
    said, _, end = text.decode(errors="replace").replace("\r", "").rpartition("\nmachine: ")
    return said or end, end.split("\n")[0]
