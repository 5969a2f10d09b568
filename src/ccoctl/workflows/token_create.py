"""One token of a service account, as the cluster's API server would issue it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ccoctl.errors import Problem, Problems
from ccoctl.federation.issue import ObjectRef, ServiceAccount, Signer, TokenRequest, issue
from ccoctl.federation.kubenames import name_problems, service_account_problems, uid_problems
from ccoctl.signing import discovery
from ccoctl.signing.jwk import Kid
from ccoctl.workflows import manifest_files
from ccoctl.workflows.create_key_pair import load_private_key_file


class TokenOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a user asks for. A UID that is not given is made up, as the cluster would."""

    service_account: str
    """`namespace/name`."""
    private_key_file: Path
    issuer: str | None = None
    """None to read it from the manifests."""
    manifests_dir: Path | None = None
    audiences: tuple[str, ...]
    lifetime: int = 3600
    """Seconds."""
    uid: str | None = None
    """Of the service account."""
    pod: str | None = None
    pod_uid: str | None = None
    node: str | None = None
    node_uid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token, with what it says."""

    token: str = field(repr=False)
    issuer: str
    request: TokenRequest
    kid: Kid
    issued: int
    """Seconds since 1970."""
    token_id: str

    @property
    def expires(self) -> int:
        """Seconds since 1970."""
        return self.issued + self.request.lifetime


def create_token(order: TokenOrder, *, now: int) -> NewToken:
    """Issue the token; `now` is in seconds since 1970.

    Raises:
        Problems: all that is wrong with the order's names, or with the manifest that holds the issuer.
        FileError, SigningKeyError: the key cannot be read, or is not one to sign with.
        TokenError: the API server would not issue such a token.
    """
    if problems := tuple(_problems(order)):
        raise Problems(problems)
    issuer = order.issuer or manifest_files.issuer(order.manifests_dir or Path())
    signer = Signer(load_private_key_file(order.private_key_file))
    namespace, _, name = order.service_account.partition("/")
    request = TokenRequest(
        account=ServiceAccount(namespace, name, order.uid or _uid()),
        audiences=order.audiences,
        lifetime=order.lifetime,
        pod=_bound(order.pod, order.pod_uid),
        node=_bound(order.node, order.node_uid),
    )
    token_id = _uid()
    token = issue(signer, request, issuer=issuer, now=now, token_id=token_id)
    return NewToken(token=token, issuer=issuer, request=request, kid=signer.kid, issued=now, token_id=token_id)


def _problems(order: TokenOrder) -> list[Problem]:
    problems = [*service_account_problems("--service-account", order.service_account)]
    if order.uid is not None:
        problems += uid_problems("--service-account-uid", order.uid)
    for flag, name, uid in (("--pod", order.pod, order.pod_uid), ("--node", order.node, order.node_uid)):
        if name is not None:
            problems += name_problems(flag, name)
        if uid is not None:
            problems += uid_problems(f"{flag}-uid", uid)
            problems += [Problem(f"{flag}-uid", f"is the UID of nothing without {flag}")] if name is None else []
    if order.issuer is not None and (reason := discovery.url_problem(order.issuer)):
        problems.append(Problem("--issuer-url", f"{order.issuer[:200]!a} {reason}"))
    return problems


def _bound(name: str | None, uid: str | None) -> ObjectRef | None:
    return None if name is None else ObjectRef(name, uid or _uid())


def _uid() -> str:
    return str(uuid.uuid4())
