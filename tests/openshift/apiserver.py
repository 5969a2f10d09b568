"""A server on loopback that behaves as a kube-apiserver of OpenShift does, in the shapes recorded from a real one.

It holds objects, has users with roles, issues tokens and publishes its keys. What of OpenShift's operators matters here
is there, too: a new issuer is taken over (`rolls_out`), and a signing key that is deleted is made anew.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ccoctl.federation.issue import ServiceAccount, Signer, SigningKey, TokenRequest, issue
from tests.openshift import access, http
from tests.openshift.access import ADMINISTRATOR, User, Wanted
from tests.openshift.http import Asked, Reply, reply, text
from tests.openshift.objects import (
    ACCOUNTS,
    AUTHENTICATIONS,
    KINDS,
    SECRETS,
    Kind,
    Object,
    Refused,
    Store,
    not_found,
)

NEXT_KEY = ("openshift-kube-apiserver-operator", "next-bound-service-account-signing-key")
CURRENT_KEY = ("openshift-kube-apiserver", "bound-service-account-signing-key")
_ROUTE = re.compile(
    r"/(?:api/v1|apis/(?P<group>[a-z0-9.]+)/v1)(?:/namespaces/(?P<ns>[^/]+)(?=/))?/(?P<plural>[a-z]+)"
    r"(?:/(?P<name>[^/]+))?(?:/(?P<sub>[a-z]+))?"
)
_SHORTEST = 600


class _Place(NamedTuple):
    kind: Kind
    namespace: str
    name: str
    sub: str


@dataclass
class ApiServer:
    """Its signing key and issuer, whom it knows, and what it was asked."""

    key: SigningKey
    issuer: str
    """The one that new tokens are issued in the name of."""
    accounts: frozenset[str] = frozenset()
    """`namespace/name` of the service accounts that are there from the beginning."""
    now: float | Callable[[], float] = 0.0
    asked: list[Asked] = field(default_factory=list)
    forbidden: bool = False
    """Nobody may do anything."""
    nonsense: bool = False
    instead: Callable[[Asked], Reply | None] | None = None
    """A test's own answer."""
    rolls_out: bool = True
    """Whether a new issuer takes effect at once; else with `roll_out`."""
    generates: Callable[[], SigningKey] = lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    """How the operator makes a signing key where its Secret was deleted."""
    kinds: tuple[Kind, ...] = KINDS
    store: Store = field(default_factory=Store)
    users: dict[str, User] = field(default_factory=lambda: {"of-the-administrator": ADMINISTRATOR})
    """By bearer token."""
    keys: list[SigningKey] = field(default_factory=list)
    """All whose tokens are taken; the JWKS."""
    address: str = ""

    def __post_init__(self) -> None:
        self.keys = self.keys or [self.key]
        for account in self.accounts:
            self.add_account(account)

    # -- setting it up

    def add_account(self, account: str) -> None:
        namespace, _, name = account.partition("/")
        self.store.add(ACCOUNTS, {"metadata": {"namespace": namespace, "name": name}})

    def add(self, given: Mapping[str, Any], manager: str = "cluster-bootstrap") -> Object:
        """Put an object there, whoever `manager` is that set its fields."""
        kind = next(kind for kind in self.kinds if kind.kind == given["kind"])
        return self.store.add(kind, dict(given), manager)

    def add_files(self, directory: Path) -> None:
        """Every object in the YAML files of a directory: manifests, requests."""
        for path in sorted(directory.rglob("*.y*ml")):
            for document in yaml.safe_load_all(path.read_text()):
                if document is not None:
                    self.add(document)

    def as_openshift(self, mode: str = "Manual") -> ApiServer:
        """With the objects of a cluster in manual mode, and its signing keys' Secrets."""
        named = {"name": "cluster"}
        self.add({"kind": "Authentication", "metadata": named, "spec": {"serviceAccountIssuer": self.issuer}})
        self.add({"kind": "CloudCredential", "metadata": named, "spec": {"credentialsMode": mode}})
        for place in (NEXT_KEY, CURRENT_KEY):
            self.keep_key(place, self.key)
        return self

    def secret(self, namespace: str, name: str) -> dict[str, str]:
        """What a Secret holds, as text."""
        held = self.store.get(SECRETS, namespace, name).get("data", {})
        return {key: base64.b64decode(value).decode() for key, value in held.items()}

    # -- what its operators and its administrators do

    def roll_out(self) -> None:
        """Take the Authentication's issuer over: new tokens are issued in its name."""
        self.issuer = self.store.get(AUTHENTICATIONS, "", "cluster")["spec"]["serviceAccountIssuer"]

    def rotate(self, key: SigningKey) -> None:
        """Sign with another key from now on; tokens of the others are taken still."""
        if key not in self.keys:
            self.keys.append(key)
        self.key = key
        if (SECRETS, *CURRENT_KEY) in self.store.objects:
            self.keep_key(CURRENT_KEY, key)

    def keep_key(self, place: tuple[str, str], key: SigningKey) -> None:
        """Have the operator hold this key as its next or its current one."""
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        namespace, name = place
        held = {"service-account.key": "the private half", "service-account.pub": public.decode()}
        given = {"metadata": {"namespace": namespace, "name": name}, "type": "Opaque", "stringData": held}
        self.store.add(SECRETS, given, "cluster-kube-apiserver-operator")

    def forget(self, key: SigningKey) -> None:
        """Take no token of that key any more."""
        self.keys.remove(key)

    def promote(self) -> None:
        """Sign with the key that the operator has made ready."""
        self.rotate(self.keys[-1])

    def token(self, account: str, audience: str = "openshift", lifetime: int = 3600) -> str:
        """A token as a kubelet would get it, without HTTP."""
        namespace, _, name = account.partition("/")
        return self._issued(namespace, name, (audience,), lifetime)

    # -- answering

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if self.nonsense:
            return reply(201, ["no object at all"])
        if self.instead is not None and (other := self.instead(asked)) is not None:
            return other
        try:
            return self._answered(asked)
        except Refused as refused:
            return reply(refused.code, refused.body)

    def _answered(self, asked: Asked) -> Reply:
        user = access.user_of(asked, self.users)
        if asked.path in ("/.well-known/openid-configuration", "/openid/v1/jwks", "/version"):
            access.check_path(user, asked.path, forbidden=self.forbidden)
            return self._document(asked)
        place = self._place(asked.path)
        if place is None:
            return self._review(asked, user) if access.is_review(asked.path) else text(404, "404 page not found\n")
        wanted = Wanted.of(asked, place.kind, place.namespace, place.name, place.sub)
        access.check(user, wanted, forbidden=self.forbidden)
        if place.sub:
            return reply(201, self._token_request(place, asked.json or {}))
        return self._resource(asked, place, user, wanted)

    def _place(self, path: str) -> _Place | None:
        found = _ROUTE.fullmatch(path)
        if found is None or (found["sub"] and (found["plural"], found["sub"]) != ("serviceaccounts", "token")):
            return None
        for kind in self.kinds:
            if (kind.group, kind.plural) == (found["group"] or "", found["plural"]):
                return _Place(kind, unquote(found["ns"] or ""), unquote(found["name"] or ""), found["sub"] or "")
        return None

    def _document(self, asked: Asked) -> Reply:
        if asked.path == "/version":
            return reply(200, {"major": "1", "minor": "36", "gitVersion": "v1.36.0", "platform": "linux/amd64"})
        if asked.path == "/openid/v1/jwks":
            if not any(form in asked.accept for form in ("application/jwk-set+json", "*/*")):
                message = "406: Not Acceptable\n\nAvailable representations: application/jwk-set+json"
                raise Refused(406, "NotAcceptable", message, {})
            listed = {"keys": [_published(key) for key in self.keys]}
            return reply(200, listed, content_type="application/jwk-set+json", cache="public, max-age=3600")
        discovery = {
            "issuer": self.issuer,
            "jwks_uri": f"{self.address}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": sorted({Signer(key).alg for key in self.keys}),
        }
        return reply(200, discovery, cache="public, max-age=3600")

    def _resource(self, asked: Asked, place: _Place, user: User, wanted: Wanted) -> Reply:
        kind, namespace, name, _ = place
        manager = asked.query.get("fieldManager", "Python-urllib")
        body = asked.json or {}
        match asked.method:
            case "GET" if not name:
                limit, after = int(asked.query.get("limit", 0)), asked.query.get("continue", "")
                return reply(200, self.store.list(kind, namespace, limit, after))
            case "GET":
                return reply(200, http.negotiated(self.store.get(kind, namespace, name), asked.accept))
            case "POST":
                return reply(201, self.store.create(kind, namespace, body, manager))
            case "PUT":
                return reply(200, self.store.replace(kind, namespace, body, manager))
            case "PATCH":
                return self._patched(asked, place, user, wanted)
            case "DELETE":
                answer = self.store.delete(kind, namespace, name, body.get("preconditions", {}))
                self._after_delete(namespace, name)
                return reply(200, answer)
        raise Refused(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})

    def _patched(self, asked: Asked, place: _Place, user: User, wanted: Wanted) -> Reply:
        kind, namespace, name, _ = place
        body, manager = asked.json or {}, asked.query.get("fieldManager", "Python-urllib")
        if asked.content_type == "application/apply-patch+yaml":
            is_new = (kind, namespace, name) not in self.store.objects
            if is_new:
                access.check(user, wanted._replace(verb="create"), forbidden=self.forbidden)
            force = asked.query.get("force") == "true"
            return reply(201 if is_new else 200, self.store.apply(kind, namespace, name, body, manager, force=force))
        if asked.content_type != "application/merge-patch+json":
            raise Refused(415, "UnsupportedMediaType", "the body of the request was in an unknown format", {})
        answer = self.store.merge(kind, namespace, name, body, manager)
        if kind is AUTHENTICATIONS and self.rolls_out:
            self.roll_out()
        return reply(200, answer)

    def _after_delete(self, namespace: str, name: str) -> None:
        if (namespace, name) == NEXT_KEY:
            new = self.generates()
            self.keys.append(new)
            self.keep_key(NEXT_KEY, new)

    def _token_request(self, place: _Place, body: Mapping[str, Any]) -> Object:
        self.store.get(ACCOUNTS, place.namespace, place.name)
        spec = body.get("spec", {})
        seconds = spec.get("expirationSeconds", 3600)
        if seconds < _SHORTEST:
            problem = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
            cause = {"reason": "FieldValueInvalid", "message": problem, "field": "spec.expirationSeconds"}
            details = {"group": "authentication.k8s.io", "kind": "TokenRequest", "causes": [cause]}
            message = f'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: {problem}'
            raise Refused(422, "Invalid", message, details)
        audiences = tuple(spec.get("audiences") or (self.issuer,))
        token = self._issued(place.namespace, place.name, audiences, seconds)
        uid = self.store.get(ACCOUNTS, place.namespace, place.name)["metadata"]["uid"]
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {
                "name": place.name,
                "namespace": place.namespace,
                "uid": uid,
                "creationTimestamp": "2026-11-23T20:42:21Z",
            },
            "spec": {"audiences": list(audiences), "expirationSeconds": seconds, "boundObjectRef": None},
            "status": {"token": token, "expirationTimestamp": "2026-11-23T21:42:21Z"},
        }

    def _issued(self, namespace: str, name: str, audiences: tuple[str, ...], lifetime: int) -> str:
        if (ACCOUNTS, namespace, name) not in self.store.objects:
            raise not_found(ACCOUNTS, name)
        uid = self.store.get(ACCOUNTS, namespace, name)["metadata"]["uid"]
        request = TokenRequest(account=ServiceAccount(namespace, name, uid), audiences=audiences, lifetime=lifetime)
        now = int(self.now() if callable(self.now) else self.now)
        return issue(Signer(self.key), request, issuer=self.issuer, now=now, token_id=str(uuid.uuid4()))

    def _review(self, asked: Asked, user: User) -> Reply:
        body = asked.json or {}
        said = body["spec"]["resourceAttributes"]
        status = {"allowed": not self.forbidden and access.allowed(user, Wanted.reviewed(said))}
        return reply(201, {**body, "metadata": {}, "status": status})


def _published(key: SigningKey) -> Object:
    jwk = Signer(key).jwk
    named = {name: getattr(jwk, name) for name in ("use", "kty", "kid", "alg", "crv", "n", "e", "x", "y")}
    return {name: value for name, value in named.items() if value is not None}


def write_kubeconfig(path: Path, address: str, token: str = "of-the-administrator") -> Path:
    """A kubeconfig that leads there, as the user of this token."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "demo",
        "contexts": [{"name": "demo", "context": {"cluster": "demo", "user": "admin"}}],
        "clusters": [{"name": "demo", "cluster": {"server": address}}],
        "users": [{"name": "admin", "user": {"token": token}}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


@contextmanager
def serving(server: ApiServer, kubeconfig: Path) -> Iterator[Path]:
    """Serve on loopback until the block ends; gives the administrator's kubeconfig."""
    with http.listening(server.answer) as address:
        server.address = address
        yield write_kubeconfig(kubeconfig, address)
