# SPDX-License-Identifier: Apache-2.0
"""Certificates as Aurora's: one per instance, for its own name and the cluster's names."""
import os
import subprocess

from state import LabError


def _openssl(*words):
    try:
        done = subprocess.run(["openssl", *words], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        raise LabError("there is no openssl here: install the package openssl") from None
    if done.returncode != 0:
        raise LabError(f"openssl {words[0]}: {done.stdout.strip()[-300:]}")


def _file(path, name):
    return os.path.join(path, "tls", name)


def ca(path):
    """The certificate that clients are to trust."""
    return _file(path, "ca.pem")


def authority(path):
    os.makedirs(os.path.join(path, "tls"))
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "3650", "-subj", "/CN=The lab's own authority",
             "-keyout", _file(path, "ca.key"), "-out", ca(path))


def certify(path, instance, names):
    """A key and certificate for an instance, unless it has one: names outlive switchovers."""
    if os.path.exists(_file(path, instance + ".pem")):
        return
    own = f"{instance}.{names['domain']}"
    covers = [own, names["writer"], names["reader"], names["custom"]]
    later, green, ident = instance.partition("-green-")
    if green:  # it will have the other names, too
        name, _, rest = names["writer"].partition(".")
        covers += [f"{later}.{names['domain']}", f"{name}{green}{ident}.{rest}"]
    covered = ",".join("DNS:" + n for n in covers)
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "3650", "-subj", f"/CN={own[:64]}", "-addext", f"subjectAltName={covered}",
             "-addext", "basicConstraints=critical,CA:FALSE", "-CA", ca(path),
             "-CAkey", _file(path, "ca.key"), "-keyout", _file(path, instance + ".key"),
             "-out", _file(path, instance + ".pem"))


def options(lab, instance):
    """What a server is to be started with."""
    if not lab.config["tls"]:
        return []
    required = ["--require-secure-transport=ON"] if lab.config["secure_transport"] else []
    return [f"--ssl-ca={ca(lab.path)}", f"--ssl-cert={_file(lab.path, instance + '.pem')}",
            f"--ssl-key={_file(lab.path, instance + '.key')}", *required]
