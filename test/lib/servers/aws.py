# SPDX-License-Identifier: Apache-2.0
"""What AWS's services check and answer: signatures, credentials, secrets, the RDS control plane."""
import datetime
import hashlib
import hmac
import json
import re
import urllib.parse

ID, SECRET, SESSION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session//+token=="


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _signature(secret, scope, date, canonical):
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return _hmac(key, f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}").hex()


def signature_holds(request, secret=SECRET):
    """Whether a request that HttpServer saw is signed as the service would demand."""
    headers = {k.lower(): v for k, v in request["headers"].items()}
    m = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\S+), SignedHeaders=(\S+), "
                     r"Signature=([0-9a-f]{64})", headers.get("authorization", ""))
    if not m:
        return False
    identity, scope, names, signature = m.groups()
    lines = "".join(f"{n}:{headers[n].strip()}\n" for n in names.split(";"))
    body = hashlib.sha256(request["body"].encode()).hexdigest()
    canonical = f"{request['method']}\n{request['path']}\n\n{lines}\n{names}\n{body}"
    return identity == ID and {"host", "x-amz-date"} <= set(names.split(";")) and \
        hmac.compare_digest(signature, _signature(secret, scope, headers["x-amz-date"], canonical))


def token_holds(token, host, port, user, secret=SECRET):
    """Whether an RDS token is what the database would demand."""
    address, _, query = token.partition("/?")
    pairs = query.split("&")
    signature = pairs.pop().removeprefix("X-Amz-Signature=")
    values = {k: urllib.parse.unquote(v) for k, v in (p.split("=", 1) for p in pairs)}
    scope = values["X-Amz-Credential"].split("/", 1)[1]
    empty = hashlib.sha256(b"").hexdigest()
    canonical = f"GET\n/\n{'&'.join(sorted(pairs))}\nhost:{host}:{port}\n\nhost\n{empty}"
    return address == f"{host}:{port}" and values["DBUser"] == user and \
        values["Action"] == "connect" and values["X-Amz-Expires"] == "900" and \
        signature == _signature(secret, scope, values["X-Amz-Date"], canonical)


def until(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def container(seconds=3600):
    """What ECS, EKS and IMDS answer."""
    return {"AccessKeyId": ID, "SecretAccessKey": SECRET, "Token": SESSION,
            "Expiration": until(seconds), "Code": "Success"}


def sts(action):
    return (f"<{action}Response><{action}Result><Credentials>"
            f"<AccessKeyId>{ID}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>"
            f"<SessionToken>{SESSION}</SessionToken><Expiration>{until(3600)}</Expiration>"
            f"</Credentials></{action}Result></{action}Response>")


def secret(user, password):
    return {"Name": "db", "SecretString": json.dumps({"username": user, "password": password})}


def endpoints(cluster, *custom, marker=""):
    """DescribeDBClusterEndpoints: custom are (host, type, static members, excluded members)."""
    def members(ids):
        return "".join(f"<member>{i}</member>" for i in ids)
    listed = "".join(
        f"<DBClusterEndpointList><DBClusterIdentifier>{cluster}</DBClusterIdentifier>"
        f"<Endpoint>{host}</Endpoint><Status>available</Status><EndpointType>CUSTOM</EndpointType>"
        f"<CustomEndpointType>{kind}</CustomEndpointType><StaticMembers>{members(static)}"
        f"</StaticMembers><ExcludedMembers>{members(excluded)}</ExcludedMembers>"
        "</DBClusterEndpointList>" for host, kind, static, excluded in custom)
    mark = f"<Marker>{marker}</Marker>" if marker else ""
    return ("<DescribeDBClusterEndpointsResponse><DescribeDBClusterEndpointsResult>" + mark +
            f"<DBClusterEndpoints>{listed}</DBClusterEndpoints></DescribeDBClusterEndpointsResult>"
            "</DescribeDBClusterEndpointsResponse>")


def cluster(name, writer, ids, port=3306):
    members = "".join(
        f"<DBClusterMember><DBInstanceIdentifier>{i}</DBInstanceIdentifier>"
        f"<IsClusterWriter>{str(i == writer).lower()}</IsClusterWriter></DBClusterMember>"
        for i in ids)
    return ("<DescribeDBClustersResponse><DescribeDBClustersResult><DBClusters><DBCluster>"
            f"<DBClusterIdentifier>{name}</DBClusterIdentifier><Port>{port}</Port>"
            f"<DBClusterMembers>{members}</DBClusterMembers></DBCluster></DBClusters>"
            "</DescribeDBClustersResult></DescribeDBClustersResponse>")


def instances(zones, hosts=None):
    """DescribeDBInstances: zones by id; hosts, where there are any: (name, port) by id."""
    def endpoint(i):
        if i not in (hosts or {}):
            return ""
        return f"<Endpoint><Address>{hosts[i][0]}</Address><Port>{hosts[i][1]}</Port></Endpoint>"
    listed = "".join(
        f"<DBInstance><DBInstanceIdentifier>{i}</DBInstanceIdentifier>"
        f"<AvailabilityZone>{zone}</AvailabilityZone>{endpoint(i)}</DBInstance>"
        for i, zone in zones.items())
    return ("<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>" + listed +
            "</DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>")


THROTTLED = ("<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code></Error>"
             "</ErrorResponse>")
