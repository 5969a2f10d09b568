"""The objects of an API server's double: versions, patches, server-side apply with owners, preconditions, pages."""

from __future__ import annotations

import base64
import copy
import json
import re
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A resource type that the server knows."""

    group: str
    kind: str
    plural: str
    namespaced: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/v1" if self.group else "v1"

    @property
    def qualified(self) -> str:
        """As messages about custom resources name it."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def resource(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


SECRETS = Kind("", "Secret", "secrets", namespaced=True)
ACCOUNTS = Kind("", "ServiceAccount", "serviceaccounts", namespaced=True)
NAMESPACES = Kind("", "Namespace", "namespaces")
AUTHENTICATIONS = Kind("config.openshift.io", "Authentication", "authentications")
CLOUD_CREDENTIALS = Kind("operator.openshift.io", "CloudCredential", "cloudcredentials")
REQUESTS = Kind("cloudcredential.openshift.io", "CredentialsRequest", "credentialsrequests", namespaced=True)
INFRASTRUCTURES = Kind("config.openshift.io", "Infrastructure", "infrastructures")
KINDS = (SECRETS, ACCOUNTS, NAMESPACES, AUTHENTICATIONS, CLOUD_CREDENTIALS, REQUESTS)
"""What every cluster of the recordings has; an Infrastructure is what a test adds."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAME_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_CREATED = "2026-11-23T20:41:49Z"


class Refused(Exception):
    """A Status that is a failure."""

    def __init__(self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.body: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": code,
        }
        if details is not None:
            self.body["details"] = dict(details)


def not_found(kind: Kind, name: str) -> Refused:
    return Refused(404, "NotFound", f'{kind.resource} "{name}" not found', _details(kind, name))


def invalid(kind: Kind, name: str, field_name: str, problem: str, reason: str) -> Refused:
    message = f'{kind.qualified} "{name}" is invalid: {field_name}: {problem}'
    cause = {"reason": reason, "message": problem, "field": field_name}
    group = {"group": kind.group} if kind.group else {}
    return Refused(422, "Invalid", message, {"name": name, **group, "kind": kind.kind, "causes": [cause]})


def _details(kind: Kind, name: str) -> Object:
    return {"name": name, **({"group": kind.group} if kind.group else {}), "kind": kind.plural}


Key = tuple[Kind, str, str]


@dataclass
class Store:
    """Objects by kind, namespace and name, with a version that counts all changes."""

    objects: dict[Key, Object] = field(default_factory=dict)
    owners: dict[Key, dict[str, str]] = field(default_factory=dict)
    """Who set which field, the leaves by their paths."""
    version: int = 250
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, kind: Kind, given: Object, manager: str = "cluster-bootstrap") -> Object:
        """Put an object there as it is, in the name of whoever set the cluster up."""
        with self.lock:
            metadata = given["metadata"]
            key = (kind, metadata.get("namespace", "") if kind.namespaced else "", metadata["name"])
            if kind.namespaced:
                self.objects.setdefault((NAMESPACES, "", key[1]), {"metadata": {"name": key[1]}})
            return self._put(key, copy.deepcopy(given), manager)

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        with self.lock:
            if (kind, namespace, name) not in self.objects:
                raise not_found(kind, name)
            return copy.deepcopy(self.objects[kind, namespace, name])

    def list(self, kind: Kind, namespace: str, limit: int, after: str) -> Object:
        """One page, in etcd's order."""
        with self.lock:
            keys = sorted(k[1:] for k in self.objects if k[0] == kind and namespace in ("", k[1]))
            start = tuple(json.loads(base64.b64decode(after))) if after else ("", "")
            ahead = [key for key in keys if key > start]
            page = ahead[:limit] if limit else ahead
            left = len(ahead) - len(page)
            more: Object = {"continue": "", "resourceVersion": str(self.version)}
            if left:
                token = base64.b64encode(json.dumps(page[-1]).encode()).decode()
                more = {**more, "continue": token, "remainingItemCount": left}
            items = [copy.deepcopy(self.objects[(kind, *key)]) for key in page]
            return {"apiVersion": kind.api_version, "kind": f"{kind.kind}List", "metadata": more, "items": items}

    def create(self, kind: Kind, namespace: str, given: Object, manager: str) -> Object:
        with self.lock:
            name = given["metadata"]["name"]
            self._check(kind, namespace, name, given)
            if (kind, namespace, name) in self.objects:
                message = f'{kind.resource} "{name}" already exists'
                raise Refused(409, "AlreadyExists", message, _details(kind, name))
            return self._put((kind, namespace, name), copy.deepcopy(given), manager)

    def replace(self, kind: Kind, namespace: str, given: Object, manager: str) -> Object:
        with self.lock:
            name = given["metadata"]["name"]
            there = self.get(kind, namespace, name)
            self._same_version(kind, name, there, given)
            return self._put((kind, namespace, name), copy.deepcopy(given), manager)

    def merge(self, kind: Kind, namespace: str, name: str, patch: Object, manager: str) -> Object:
        """RFC 7396, refused where the patch names a version that is not the current one."""
        with self.lock:
            there = self.get(kind, namespace, name)
            self._same_version(kind, name, there, patch)
            return self._put((kind, namespace, name), _merged(there, patch), manager)

    def apply(self, kind: Kind, namespace: str, name: str, given: Object, manager: str, *, force: bool) -> Object:
        """Server-side apply: a field that another manager set to another value is a conflict."""
        with self.lock:
            key = (kind, namespace, name)
            if key not in self.objects:
                return self.create(kind, namespace, {**given, "metadata": {**given["metadata"], "name": name}}, manager)
            there, owned = self.objects[key], self.owners.setdefault(key, {})
            self._same_version(kind, name, there, given)
            wanted = dict(_leaves(_with_data(given)))
            has = dict(_leaves(there))
            taken = {
                path: owned[path]
                for path, value in wanted.items()
                if path in owned and owned[path] != manager and has.get(path) != value
            }
            if taken and not force:
                raise _field_conflicts(taken)
            changed = copy.deepcopy(there)
            for path in [path for path, owner in owned.items() if owner == manager and path not in wanted]:
                _remove(changed, path)
                del owned[path]
            return self._put(key, _merged(changed, _with_data(given)), manager)

    def delete(self, kind: Kind, namespace: str, name: str, preconditions: Mapping[str, str]) -> Object:
        with self.lock:
            there = self.get(kind, namespace, name)
            uid = there["metadata"]["uid"]
            if preconditions.get("uid", uid) != uid:
                message = (
                    f'Operation cannot be fulfilled on {kind.kind} "{name}": the UID in the precondition '
                    f"({preconditions['uid']}) does not match the UID in record ({uid}). The object might have been "
                    "deleted and then recreated"
                )
                raise Refused(409, "Conflict", message, {"name": name, "kind": kind.kind})
            del self.objects[kind, namespace, name]
            self.owners.pop((kind, namespace, name), None)
            details = {"name": name, "kind": kind.plural, "uid": uid}
            return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    def _put(self, key: Key, given: Object, manager: str) -> Object:
        kind, namespace, name = key
        there = self.objects.get(key)
        given = _with_data(given)
        self.version += 1
        metadata = {
            "uid": str(uuid.uuid4()) if there is None else there["metadata"]["uid"],
            "creationTimestamp": _CREATED,
            **given["metadata"],
            "name": name,
            "resourceVersion": str(self.version),
        }
        if kind.namespaced:
            metadata["namespace"] = namespace
        if kind.group and "generation" not in metadata:
            metadata["generation"] = 1
        before = dict(_leaves(there)) if there is not None else {}
        if there is not None and kind.group and there.get("spec") != given.get("spec"):
            metadata["generation"] = there["metadata"].get("generation", 1) + 1
        self.objects[key] = {**given, "kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
        owned = self.owners.setdefault(key, {})
        now = dict(_leaves(self.objects[key]))
        for path in [path for path in owned if path not in now]:
            del owned[path]
        owned |= {path: manager for path, value in now.items() if before.get(path) != value}
        return copy.deepcopy(self.objects[key])

    def _check(self, kind: Kind, namespace: str, name: str, given: Object) -> None:
        if not _NAME.fullmatch(name):
            problem = f'Invalid value: "{name}": {_NAME_RULE}'
            raise invalid(kind, name, "metadata.name", problem, "FieldValueInvalid")
        if kind is REQUESTS and "secretRef" not in given.get("spec", {}):
            raise invalid(kind, name, "spec.secretRef", "Required value", "FieldValueRequired")
        if kind.namespaced and (NAMESPACES, "", namespace) not in self.objects:
            raise not_found(NAMESPACES, namespace)

    @staticmethod
    def _same_version(kind: Kind, name: str, there: Object, given: Object) -> None:
        version = given.get("metadata", {}).get("resourceVersion")
        if version and version != there["metadata"]["resourceVersion"]:
            message = (
                f'Operation cannot be fulfilled on {kind.resource} "{name}": the object has been modified; please '
                "apply your changes to the latest version and try again"
            )
            raise Refused(409, "Conflict", message, _details(kind, name))


def _with_data(given: Object) -> Object:
    """A Secret's `stringData` goes into its `data`."""
    if "stringData" not in given:
        return given
    said = {name: base64.b64encode(text.encode()).decode() for name, text in given["stringData"].items()}
    rest = {name: value for name, value in given.items() if name != "stringData"}
    return {**rest, "data": {**given.get("data", {}), **said}}


def _merged(there: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(there) if isinstance(there, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


_IDENTITY = ("kind", "apiVersion", "metadata.name", "metadata.namespace", "metadata.uid", "metadata.resourceVersion")


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The fields that have owners, by their paths."""
    if isinstance(value, dict):
        for name, item in value.items():
            inner = f"{path}.{name}"
            if inner[1:] not in _IDENTITY and inner not in (".metadata.creationTimestamp", ".metadata.generation"):
                yield from _leaves(item, inner)
    else:
        yield path, value


def _remove(value: Object, path: str) -> None:
    """Take a field out; only names without dots in them are told apart by these paths."""
    parent, _, name = path.rpartition(".")
    for step in parent.split(".")[1:]:
        value = value.get(step, {})
    value.pop(name, None)


def _field_conflicts(taken: Mapping[str, str]) -> Refused:
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{owner}" using v1', "field": path}
        for path, owner in taken.items()
    ]
    plural = "" if len(taken) == 1 else "s"
    listed = ", ".join(f'conflict with "{owner}" using v1: {path}' for path, owner in taken.items())
    return Refused(409, "Conflict", f"Apply failed with {len(taken)} conflict{plural}: {listed}", {"causes": causes})
