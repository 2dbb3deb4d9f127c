#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Credentials from the cloud by every provider, a rotated secret, RDS tokens, custom endpoints."""
import json
import os
import subprocess
import tempfile

from lib import tap
from lib.lab import Lab
from lib.paths import PELORUS
from lib.prober import Prober, cluster_section
from lib.servers import aws
from lib.servers.http_server import HttpServer

SECRET_KEYS = {"auth": "secretsmanager", "secret_id": "prod/db"}
NOT_IN_LOG = (aws.SECRET, aws.SESSION, "session%2F", "web-identity-token", "pod-token",
              "imds-token")


def environment(server, **more):
    """`env` with nothing of AWS but what is named."""
    return ["env", "-i", "PATH=" + os.environ["PATH"], "HOME=/nonexistent",
            f"AWS_ENDPOINT_URL_SECRETS_MANAGER={server.url}/secrets/",
            f"AWS_ENDPOINT_URL_RDS={server.url}/rds/", f"AWS_ENDPOINT_URL_STS={server.url}/sts",
            f"AWS_EC2_METADATA_SERVICE_ENDPOINT={server.url}",
            *(f"{k}={v}" for k, v in more.items())]


def serve(server):
    imds = "/latest/meta-data/iam/security-credentials/"
    server.answer("/sts/", aws.sts("AssumeRoleWithWebIdentity"))
    server.answer("/sts/", aws.sts("AssumeRole"), contains="Action=AssumeRole&")
    server.answer("/pod", aws.container())
    server.answer("/latest/api/token", "imds-token", method="PUT")
    server.answer(imds, "the-role\n")
    server.answer(imds + "the-role", aws.container())
    server.answer("/secrets/", aws.secret("pelorus", "pelorus"))


def program(folder):
    """A credential_process: a key for who gives it the right words, and the end of the file that it
    stands in."""
    path = os.path.join(folder, "give key")
    told = json.dumps({"Version": 1, "AccessKeyId": aws.ID, "SecretAccessKey": aws.SECRET,
                       "SessionToken": aws.SESSION, "Expiration": aws.until(3600)})
    with open(path, "w") as out:
        out.write(f"#!/bin/sh\n[ \"$1 $PELORUS_SECRET\" = 'two words ' ] && echo '{told}'\n")
    os.chmod(path, 0o755)
    return f"[profile sso]\ncredential_process = \"{path}\" 'two words'\n"


def providers(server, folder):
    """(name, variables, a path that must have been asked, what holds of that question)."""
    def file(name, text):
        path = os.path.join(folder, name)
        with open(path, "w") as out:
            out.write(text)
        return path

    profile = file("credentials", f"[default]\nx = y\n[work]\naws_access_key_id = {aws.ID}\n"
                   f"aws_secret_access_key = {aws.SECRET}\naws_session_token = {aws.SESSION}\n")
    config = file("config", f"[profile static]\naws_access_key_id = {aws.ID}\n"
                  f"aws_secret_access_key = {aws.SECRET}\naws_session_token = {aws.SESSION}\n"
                  "[profile app]\nrole_arn = arn:aws:iam::1:role/app\nsource_profile = static\n"
                  "external_id = a/b\n[profile pod]\nrole_arn = arn:aws:iam::1:role/pod\n"
                  f"web_identity_token_file = {file('jwt', 'web-identity-token')}\n" +
                  program(folder))

    def has(header, value):
        return lambda seen: seen["headers"].get(header) == value

    def says(words):
        return lambda seen: words in seen["body"]
    return [
        ("environment", {"AWS_ACCESS_KEY_ID": aws.ID, "AWS_SECRET_ACCESS_KEY": aws.SECRET,
                         "AWS_SESSION_TOKEN": aws.SESSION}, None, None),
        ("a profile", {"AWS_SHARED_CREDENTIALS_FILE": profile, "AWS_PROFILE": "work"}, None, None),
        ("a key in the config file", {"AWS_CONFIG_FILE": config, "AWS_PROFILE": "static"}, None,
         None),
        ("a role with a source profile", {"AWS_CONFIG_FILE": config, "AWS_PROFILE": "app"},
         "/sts/", lambda seen: aws.signature_holds(seen) and
         "Action=AssumeRole&" in seen["body"] and "ExternalId=a%2Fb" in seen["body"]),
        ("a role with a web identity", {"AWS_CONFIG_FILE": config, "AWS_PROFILE": "pod"},
         "/sts/", says("WebIdentityToken=web-identity-token")),
        ("a program", {"AWS_CONFIG_FILE": config, "AWS_PROFILE": "sso",
                       "PELORUS_SECRET": "not for it"}, None, None),
        ("web identity", {"AWS_WEB_IDENTITY_TOKEN_FILE": file("jwt2", "web-identity-token\n"),
                          "AWS_ROLE_ARN": "arn:aws:iam::1:role/r"}, "/sts/",
         says("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&")),
        ("EKS pod identity", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/pod",
                              "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file("pod", "pod-token")},
         "/pod", has("Authorization", "pod-token")),
        ("instance metadata", {}, "/latest/meta-data/iam/security-credentials/the-role",
         has("X-aws-ec2-metadata-token", "imds-token")),
    ]


def by_provider(lab, server, folder):
    config = cluster_section(lab, user=None, **SECRET_KEYS)
    for name, variables, path, holds in providers(server, folder):
        asked, before = len(server.requests("/secrets/")), len(server.requests(path))
        with Prober(lab, config, prefix=environment(server, **variables)) as p:
            tap.ok(p.wait_known(lab.writer), f"{name}: the secret's user logs in", p.log()[-800:])
            question = server.request("/secrets/", after=asked)
            tap.ok(aws.signature_holds(question) and
                   question["headers"].get("X-Amz-Security-Token") == aws.SESSION,
                   f"{name}: the question is signed", question)
            if path:
                seen = server.request(path, after=before)
                tap.ok(holds(seen), f"{name}: asked as it should be", seen)
            tap.ok(not any(word in p.log() for word in NOT_IN_LOG), f"{name}: no secret is logged")


def rotation(lab, server):
    server.answer("/secrets/", aws.secret("pelorus", "outdated"))
    key = {"AWS_ACCESS_KEY_ID": aws.ID, "AWS_SECRET_ACCESS_KEY": aws.SECRET}
    config = cluster_section(lab, user=None, **SECRET_KEYS)
    with Prober(lab, config, prefix=environment(server, **key)) as p:
        said = p.view.wait(lambda _: "access-denied" in p.log(), 20)
        tap.ok(said and "outdated" not in p.log(), "a refused secret is said, without itself")
        server.answer("/secrets/", aws.secret("pelorus", "pelorus"))
        tap.ok(p.wait_known(lab.writer, 40), "and read anew: the rotated one logs in",
               p.log()[-800:])


def tokens(lab, server):
    config = cluster_section(lab, user="app", password="unused", auth="iam")
    with Prober(lab, config, prefix=environment(server)) as p:
        p.view.wait(lambda v: v.find(lab.writer_name))
        words = ("auth-token", "--user", "app", lab.writer_name)
        p.environment["HOME"] = "/nonexistent"
        p.view.wait(lambda _: p.pelorus(*words).returncode == 0, 20)
        done = p.pelorus(*words)
        tap.ok(done.returncode == 0 and
               aws.token_holds(done.stdout.strip(), lab.writer_name, 3306, "app"),
               "pelorus auth-token: the prober signs with the machine's credentials",
               done.stdout + done.stderr)
        p.view.wait(lambda _: "login-unfit" in p.log() or "access-denied" in p.log(), 20)
        tap.ok(p.cluster().state == "unknown" and "X-Amz-Signature" not in p.log(),
               "a token goes to no server without TLS, and into no log", p.log()[-600:])
    local = {**os.environ, "AWS_ACCESS_KEY_ID": aws.ID, "AWS_SECRET_ACCESS_KEY": aws.SECRET}
    done = subprocess.run([PELORUS, "auth-token", "--user", "me", lab.writer_name + ":3307"],
                          env=local, capture_output=True, text=True, check=False)
    tap.ok(aws.token_holds(done.stdout.strip(), lab.writer_name, 3307, "me"),
           "and the command itself, with what its environment holds", done.stdout + done.stderr)


def members(c, name):
    listed = list(c.instances)
    return sorted(i for n, i in enumerate(listed) if c.names[name].members >> n & 1)


def control_plane(lab, server, ids):
    name = lab.writer_name.split(".", 1)[0]
    custom = lab.custom_name
    reader = next(i for i in ids if i != lab.writer)
    first = aws.endpoints(name, marker="page 2")
    second = aws.endpoints(name, (custom, "READER", [lab.writer, reader], []))
    server.answer("/rds/", first, contains="DescribeDBClusterEndpoints")
    server.answer("/rds/", second,
                  contains=f"DBClusterIdentifier={name}&Marker=page%202")
    server.answer("/rds/", aws.cluster(name, lab.writer, ids), contains="DescribeDBClusters&")
    server.answer("/rds/", aws.instances({i: f"us-east-1{z}" for i, z in zip(ids, "abc")}),
                  contains="DescribeDBInstances")
    key = {"AWS_ACCESS_KEY_ID": aws.ID, "AWS_SECRET_ACCESS_KEY": aws.SECRET}
    config = cluster_section(lab, control_plane="on")
    with Prober(lab, config, prefix=environment(server, **key),
                options=["--follow", custom]) as p:
        p.wait_settled(3)
        c = p.wait(lambda c: custom in c.names and members(c, custom) == [reader] and c, 30)
        tap.ok(c, "a custom endpoint for readers leads to its members without the writer",
               p.cluster() and {n: v.members for n, v in p.cluster().names.items()})
        tap.ok(all(aws.signature_holds(r) for r in server.requests("/rds/")),
               "every question to the control plane is signed")
        lab.failover("graceful", "--to", reader)
        c = p.wait(lambda c: c.writer == reader and c.state == "known" and
                   reader not in members(c, custom) and c, 40)
        tap.ok(c, "a member that became the writer is left out at once",
               p.cluster() and members(p.cluster(), custom))
    server.answer("/rds/", aws.THROTTLED, status=400, contains="DescribeDBClusterEndpoints")
    with Prober(lab, config, prefix=environment(server, **key)) as p:
        tap.ok(p.view.wait(lambda _: "asked too often" in p.log(), 20) and p.wait_settled(3),
               "throttling is said and stops nothing else", p.log()[-600:])


def custom_alone(lab, server, ids):
    """Nothing but the custom endpoint's name: the control plane says whose it is."""
    name, custom = lab.writer_name.split(".", 1)[0], lab.custom_name
    label = custom.split(".", 1)[0]
    reader = next(i for i in ids if i != lab.writer)
    listed = aws.endpoints(name, (custom, "ANY", [reader], []))
    for words in (f"DBClusterEndpointIdentifier={label}", f"DBClusterIdentifier={name}"):
        server.answer("/rds/", listed,
                      contains=f"DescribeDBClusterEndpoints&Version=2014-10-31&{words}")
    key = {"AWS_ACCESS_KEY_ID": aws.ID, "AWS_SECRET_ACCESS_KEY": aws.SECRET}
    config = "[pelorus]\nuser = pelorus\npassword = pelorus\ncontrol-plane = on\n"
    with Prober(lab, config, prefix=environment(server, **key),
                options=["--follow", custom]) as p:
        def look(view):
            c = view.find(custom)
            return c and c.state == "known" and members(c, custom) == [reader]
        tap.ok(p.view.wait(look, 30), "a custom endpoint followed alone leads to its members",
               p.log()[-600:])
        shown = p.pelorus("topology", "--json").stdout
        tap.ok(all(f"us-east-1{z}" in shown for z in "abc"), "and each instance's zone is shown",
               shown)


with Lab(instances=3) as lab_, HttpServer(lab_) as server_, \
        tempfile.TemporaryDirectory() as folder_:
    serve(server_)
    by_provider(lab_, server_, folder_)
    rotation(lab_, server_)
    tokens(lab_, server_)
    ids_ = sorted(i["id"] for i in lab_.status()["instances"])
    control_plane(lab_, server_, ids_)
    custom_alone(lab_, server_, ids_)
tap.done()
