"""What a stranger can send, as functions of bytes: each ends quietly, or has found a mistake.

A hostile input must lead to one of our own errors or to an answer that an independent, naive reading allows.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ccoctl.aws.evaluate import Question, decide
from ccoctl.aws.exchange import AssumableRole, RegisteredProvider, exchange
from ccoctl.aws.web_identity import StsError, WebIdentityRequest, parse_request
from ccoctl.credentialsrequest.model import CredentialsRequest
from ccoctl.credentialsrequest.parse import parse
from ccoctl.errors import CcoctlError
from ccoctl.federation.documents import published
from ccoctl.federation.https import Fetched
from ccoctl.federation.token import Token
from ccoctl.federation.verify import KeySet, key_set
from ccoctl.signing.discovery import document
from ccoctl.signing.jwk import decode, encode
from ccoctl.signing.jwks import Jwks, render
from tests.federation import forgery
from tests.federation.forgery import AUDIENCES, ISSUER, NOW
from tests.fuzz.grammar import OWN, as_json, block, flow, node_of

HOST = ISSUER.removeprefix("https://")
SUBJECT = "system:serviceaccount:openshift-machine-api:machine-api-controllers"
PROVIDER_ARN = f"arn:aws:iam::123456789012:oidc-provider/{HOST}"
ROLE_ARN = "arn:aws:iam::123456789012:role/demo-machine-api"
ACTION = "sts:AssumeRoleWithWebIdentity"
STATEMENT: Mapping[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Federated": PROVIDER_ARN},
    "Action": ACTION,
    "Condition": {"StringEquals": {f"{HOST}:sub": SUBJECT}},
}


class Account:
    """One provider, and one role for one subject."""

    def __init__(self, published: Jwks | None = None) -> None:
        """`published` is what the issuer publishes; an EC key where nothing is said."""
        self._keys = key_set(Jwks((forgery.ec_signer().jwk,)) if published is None else published)

    def provider(self, _partition: str, _account: str, _url: str) -> RegisteredProvider | None:
        return RegisteredProvider(arn=PROVIDER_ARN, url=ISSUER, audiences=frozenset(AUDIENCES))

    def role(self, arn: str) -> AssumableRole | None:
        return AssumableRole(arn=arn, trust={"Statement": STATEMENT}, max_session_duration=3600)

    def keys(self, _issuer: str, _token: Token) -> KeySet:
        return self._keys


ACCOUNT = Account()
FORMS = (("yaml", block), ("yaml", flow), ("json", as_json))


def unsigned_token(data: bytes) -> None:
    """Nobody without the key makes a token that is taken."""
    text = data.decode("utf-8", "surrogateescape")
    for part in text.split("."):
        if (decoded := decode(part)) is not None:
            assert encode(decoded) == part, "base64url is read in its one form alone"
    try:
        exchange(WebIdentityRequest(role_arn=ROLE_ARN, session_name="fuzz", token=text), ACCOUNT, now=NOW)
    except StsError:
        return
    raise AssertionError("a token that nobody signed was taken")


def signed_token(data: bytes) -> None:
    """Rightly signed, whatever it says: up to the first line end its header, the rest its claims."""
    header, _, payload = data.partition(b"\n")
    if not header:
        header = json.dumps({"alg": "ES256", "kid": forgery.ec_signer().kid}).encode()
    token = forgery.signed_with_ec(header, payload)
    asked = WebIdentityRequest(role_arn=ROLE_ARN, session_name="fuzz", token=token)
    try:
        grant = exchange(asked, ACCOUNT, now=NOW)
    except StsError:
        return
    says = json.loads(payload)
    assert json.loads(header)["alg"] == "ES256"
    assert (says["iss"], says["sub"]) == (ISSUER, SUBJECT)
    assert says["iat"] - 300 <= NOW < says["exp"] <= says["iat"] + 86400
    assert says["nbf"] - 300 <= NOW
    meant = says.get("azp", says["aud"])
    assert ({meant} if isinstance(meant, str) else set(meant)) <= set(AUDIENCES)
    assert grant.claims.subject == SUBJECT


def trust_policy(data: bytes) -> None:
    """Whatever a policy holds, it lets in only whom it names, and a deny that is plain is obeyed."""
    try:
        policy = json.loads(data)
    except (ValueError, RecursionError):
        return
    question = Question(
        action=ACTION,
        principals=frozenset({("Federated", PROVIDER_ARN)}),
        context={f"{HOST}:sub": (SUBJECT,), f"{HOST}:aud": ("openshift",)},
    )
    if decide([policy], question).allowed:
        text = json.dumps(policy)
        assert '"Allow"' in text
        assert PROVIDER_ARN in text, "somebody is let in whom the policy does not name"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "*"}
    assert not decide([policy, {"Statement": deny}, {"Statement": STATEMENT}], question).allowed


def query(data: bytes) -> None:
    """A form's parameters are a request that says the same, or refused."""
    try:
        pairs = parse_qsl(data.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=64)
        request = parse_request(pairs)
    except (ValueError, StsError):
        return
    given = dict(pairs)
    assert len(given) == len(pairs)
    assert (request.role_arn, request.session_name) == (given["RoleArn"], given["RoleSessionName"])
    assert request.token == given["WebIdentityToken"]
    assert request.duration is None or 900 <= request.duration <= 43200
    assert request.session_name.isascii()
    assert not set(request.session_name) & set(" /:\r\n\0")
    with contextlib.suppress(StsError):
        exchange(request, ACCOUNT, now=NOW)
        raise AssertionError("a token that nobody signed was taken")


def documents(data: bytes) -> None:
    """Up to the first NUL a discovery document, the rest a JWKS: taken, they are the issuer's own."""
    described, _, listed = data.partition(b"\0")
    asked = []

    def get(url: str, limit: int) -> Fetched:
        asked.append(url)
        if len(asked) > 2 or not f"{url}/".startswith(f"{ISSUER}/"):
            raise AssertionError(f"{url} is asked for")
        return Fetched(described if len(asked) == 1 else listed, None)

    try:
        found = published(ISSUER, get)
    except CcoctlError:
        return
    assert json.loads(described)["issuer"] == ISSUER
    assert all(key.kty in {"RSA", "EC"} for key in found.jwks.keys if key.kid in found.keys)
    assert not any({"d", "p", "q", "k"} & set(key) for key in json.loads(listed)["keys"])


def manifest(data: bytes) -> None:
    """Up to the first line end a file's name, the rest its text: requests with names that are some, or problems."""
    name, _, text = data.partition(b"\n")
    parsed = parse(name.decode("utf-8", "surrogateescape"), text)
    for one in parsed.found:
        if isinstance(one, CredentialsRequest):
            words = (one.name, one.namespace or "a", one.secret.name, one.secret.namespace, *one.service_accounts)
            assert all(re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", word) for word in words)
            json.dumps([str(one.spec), one.token_path], ensure_ascii=False).encode()
    assert all(str(problem).isprintable() for problem in parsed.problems)


def _seeds() -> dict[str, tuple[bytes, ...]]:
    header = json.dumps({"alg": "ES256", "kid": forgery.ec_signer().kid}).encode()
    described = json.dumps(document(ISSUER, f"{ISSUER}/keys.json")).encode()
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": ROLE_ARN,
        "RoleSessionName": "fuzz",
    }
    form |= {
        "WebIdentityToken": "a.b.c",
        "DurationSeconds": "3600",
        "Policy": "{}",
        "PolicyArns.member.1.arn": ROLE_ARN,
    }
    claims = json.dumps(forgery.members()).encode()
    deny = {**STATEMENT, "Effect": "Deny", "NotAction": "iam:*", "Principal": {"AWS": ["*"]}}
    return {
        "unsigned_token": tuple(text.encode() for text in forgery.all_of_them().values()),
        "signed_token": (header + b"\n" + claims, b"\n" + claims),
        "trust_policy": (
            json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT, deny]}).encode(),
            json.dumps(
                {
                    "Statement": {
                        **STATEMENT,
                        "Condition": {"ForAnyValue:StringLikeIfExists": {f"{HOST}:aud": ["o*", "?"]}},
                    }
                }
            ).encode(),
            json.dumps(
                {"Statement": {**STATEMENT, "Condition": {"DateLessThan": {"a": "2027-01-01"}, "Null": {"a": True}}}}
            ).encode(),
            json.dumps(
                {
                    "Statement": {
                        **STATEMENT,
                        "Condition": {"IpAddress": {"a": "10.0.0.0/8"}, "ArnLike": {"a": "arn:*:*:*:*:*"}},
                    }
                }
            ).encode(),
        ),
        "query": (urlencode(form).encode(),),
        "documents": (described + b"\0" + render(forgery.published()),),
        "manifest": tuple(f"r.{end}\n{write([node_of(OWN[1])])}".encode() for end, write in FORMS),
    }


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (unsigned_token, signed_token, trust_policy, query, documents, manifest)
}
SEEDS = _seeds()
"""Where a fuzzer may begin: inputs that get far."""
