#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The readers of what comes over HTTP, fuzzed for a short while under ASan and UBSan.

By hand, for longer: FUZZ_RUNS=10000000 test/scenarios/700-fuzzed-readers.py
"""
import os
import tempfile

from lib import tap
from lib.fuzzing import fuzz

RUNS = int(os.environ.get("FUZZ_RUNS", "15000"))
SEEDS = {
    "fuzz_json": [
        b'\0{"primary": "h1:6379", "secondary": ["h3:6380"]}',
        b'\1[{"Key":{"Hostname":"h1","Port":3306},"MasterKey":{"Hostname":""},'
        b'"ReadOnly":false,"IsLastCheckValid":true}]',
        b'\2{"members":[{"role":"leader","state":"running","host":"h1","port":3306}]}',
        b'\3[{"Value":"aDE6MQ==","ModifyIndex":7,'
        b'"Session":"7f5b7e3c-0d9e-4c6e-9a55-2f9ff5c1e0aa"}]',
        b'\4{"header":{"revision":"4"},"kvs":[{"value":"aDE6MQ=="}]}',
        b'\4{"result":{"header":{"revision":"4"},"events":[{"kv":{"value":"aDE6MQ=="}}]}}',
        b'\0{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t",'
        b'"Expiration":"2026-01-02T03:04:05Z"}',
        b'\0{"SecretString":"{\\"username\\":\\"u\\",\\"password\\":\\"p\\"}"}',
    ],
    "fuzz_xml": [
        b"<R><Marker>m</Marker><DBClusterEndpoints><DBClusterEndpointList><Endpoint>a.b</Endpoint>"
        b"<EndpointType>CUSTOM</EndpointType><CustomEndpointType>READER</CustomEndpointType>"
        b"<StaticMembers><member>i1</member></StaticMembers><ExcludedMembers><member>i2</member>"
        b"</ExcludedMembers></DBClusterEndpointList></DBClusterEndpoints></R>",
        b"<R><DBCluster><Port>3306</Port><DBClusterMember><IsClusterWriter>true</IsClusterWriter>"
        b"<DBInstanceIdentifier>i1</DBInstanceIdentifier></DBClusterMember></DBCluster></R>",
        b"<R><DBInstance><DBInstanceIdentifier>i1</DBInstanceIdentifier><AvailabilityZone>z"
        b"</AvailabilityZone><Endpoint><Address>a.b</Address><Port>1</Port></Endpoint>"
        b"</DBInstance></R>",
        b"<R><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>A</AccessKeyId>"
        b"<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
        b"<Expiration>2026-01-02T03:04:05Z</Expiration></Credentials>"
        b"</AssumeRoleWithWebIdentityResult></R>",
        b"<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    ],
    "fuzz_url": [
        b"https://[::1]:2379/v3/watch?x=y", b"http://h", b"Zm9vYg==", b"h1:3306", b"[::1]:1",
        b"2026-01-02T03:04:05.1Z",
        b"[default]\naws_access_key_id = A\naws_secret_access_key = s\naws_session_token=t\n",
        b"[profile default]\nrole_arn = r\nsource_profile = x\nregion = y\ns3 =\n  region = z\n"
        b"web_identity_token_file = /t\nrole_session_name = n\nexternal_id = e\n",
    ],
}


with tempfile.TemporaryDirectory() as temporary:
    for name, seeds in SEEDS.items():
        fuzz(name, temporary, seeds, RUNS, most=4096)
tap.done()
