# SPDX-License-Identifier: Apache-2.0
"""Documents against JSON schemas: those of test/lib/schemas, and Kubernetes's own."""
import json
import os

from lib.paths import ROOT
from lib.programs import wheels

# The schemas of each release, made of its published OpenAPI by others; Apache-2.0, as Kubernetes.
KUBERNETES = ("kubernetes-validate", "1.37.0",
              "85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9")


def found(validator, document):
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}"
            for e in validator.iter_errors(document)]


def errors(name, document):
    """What is wrong with it; "" if nothing."""
    import jsonschema
    with open(os.path.join(ROOT, "test", "lib", "schemas", name)) as file:
        validator = jsonschema.Draft7Validator(json.load(file))
    return "\n".join(found(validator, document))


class Kubernetes:
    """Of one release; `why` tells why they cannot be had."""

    def __init__(self, release):
        self.wheel, self.why = wheels.packed(*KUBERNETES)
        self.folder = f"kubernetes_validate/kubernetes-json-schema/v{release}.0-local-strict"
        self.definitions = self.read("_definitions.json") if self.wheel else None

    def read(self, name):
        return json.loads(self.wheel.read(f"{self.folder}/{name}"))

    def errors(self, document):
        """As above; also for a kind that this release does not have."""
        import jsonschema
        group, _, version = document["apiVersion"].rpartition("/")
        kind = document["kind"].lower()
        words = [kind, *([group.split(".")[0]] if group else []), version]
        try:
            schema = self.read("-".join(words) + ".json")
        except KeyError:
            return f"there is no {document['apiVersion']} {document['kind']}"
        where = "https://kubernetes.io/api/"  # as the files say; nothing is fetched
        resolver = jsonschema.RefResolver(where, schema, {
            where + "_definitions.json": self.definitions})
        return "\n".join(found(jsonschema.Draft7Validator(schema, resolver=resolver), document))
