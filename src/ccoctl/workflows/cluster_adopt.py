"""Write the output directory of a running cluster that somebody else set up, so that every other command works on it.

What goes into it is what the cluster says: its issuer, the roles in its Secrets, its public keys and its requests. The
private key stays where it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import yaml
from msgspec.structs import replace

from ccoctl.aws import manifests
from ccoctl.aws.desired import issuer_elsewhere
from ccoctl.credentialsrequest.model import CredentialsRequest, SecretRef
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.execute import execute
from ccoctl.engine.plan import Plan, Result, Step, WriteFile, file_step
from ccoctl.errors import ClusterError, Problem, Problems
from ccoctl.openshift.seen import ClusterSeen, Requests
from ccoctl.signing.jwk import Jwk, to_public
from ccoctl.signing.jwks import Jwks
from ccoctl.signing.keypair import public_pem
from ccoctl.workflows.aws_order import Checked
from ccoctl.workflows.cluster_order import issuer_of
from ccoctl.workflows.cluster_secrets import roles_in
from ccoctl.workflows.create_key_pair import PUBLIC
from ccoctl.workflows.output_files import only_changes, writer

REQUESTS = PurePosixPath("credentialsrequests")
KEYS = PurePosixPath("keys")
"""Where the cluster's public keys are, one file each, named by its kid; PUBLIC is the one that signs."""


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """The files to write."""

    checked: Checked
    issuer: str
    plan: Plan
    directory: Path
    notes: tuple[str, ...]


def prepare(checked: Checked, seen: ClusterSeen, directory: Path, *, kid: str = "") -> Adoption:
    """What is to be written; nothing is written yet.

    Args:
        checked: what the cluster orders.
        seen: the cluster.
        directory: the output directory.
        kid: of the key that signs now, where it is known; it need not be where there is but one.

    Raises:
        Problems: files of another content are in the way, all of them.
        ClusterError: the cluster's keys or requests may not be seen, or it has no issuer.
    """
    issuer = issuer_of(seen)
    if not issuer:
        what = "the cluster does not say who issues its tokens, or it may not be seen"
        raise ClusterError(what, remedy="See `ccoctl cluster required-permissions --command adopt`.")
    keys = _keys(seen)
    signing = _signing(keys, kid)
    roles = roles_in(seen.secrets)
    works = (
        *_key_files(keys, signing),
        *_request_files(seen.requests, checked.requests),
        manifests.authentication(issuer_elsewhere(issuer)),
        *(manifests.secret_for(one, roles[one.secret]) for one in checked.requests if one.secret in roles),
    )
    plan = only_changes(Plan(steps=tuple(map(_step, works))), directory)
    _refuse_to_replace(plan, directory)
    notes = (*checked.notes, *_notes(checked.requests, roles, signing))
    return Adoption(checked=checked, issuer=issuer, plan=plan, directory=directory, notes=notes)


def carry_out(adoption: Adoption, cluster: Cloud) -> Result:
    """Write the files; a failed one is in the result, not raised."""
    return execute(adoption.plan, cluster, write_file=writer(adoption.plan, adoption.directory))


def _keys(seen: ClusterSeen) -> Jwks:
    if isinstance(seen.keys, Jwks):
        return seen.keys
    if isinstance(seen.keys, ClusterError):
        raise seen.keys
    action = getattr(seen.keys, "action", "get /openid/v1/jwks")
    remedy = f"It takes the right to {action}: see `ccoctl cluster required-permissions --command adopt`."
    raise ClusterError("the API server's keys cannot be had", remedy=remedy)


def _signing(keys: Jwks, kid: str) -> Jwk | None:
    if kid:
        return next((key for key in keys.keys if key.kid == kid), None)
    return keys.keys[0] if len(keys.keys) == 1 else None


def _key_files(keys: Jwks, signing: Jwk | None) -> Iterator[WriteFile]:
    if signing is not None:
        yield WriteFile(path=PurePosixPath(PUBLIC), content=_pem(signing), may_replace=False)
    for key in keys.keys:
        if key.known and key.kid is not None and _is_file_name(key.kid):
            yield WriteFile(path=KEYS / f"{key.kid}.public", content=_pem(key), may_replace=False)


def _is_file_name(kid: str) -> bool:
    """True for kids as an API server makes them: base64url."""
    return len(kid) <= 100 and kid.isascii() and kid.replace("-", "").replace("_", "").isalnum()


def _pem(key: Jwk) -> str:
    return public_pem(to_public(key)).decode()


def _request_files(requests: object, wanted: tuple[CredentialsRequest, ...]) -> Iterator[WriteFile]:
    documents: Mapping[SecretRef, Mapping[str, Any]] = requests.documents if isinstance(requests, Requests) else {}
    for request in wanted:
        # through JSON, so that nothing in it is shared: YAML would write it as an anchor
        plain = json.loads(json.dumps(documents[request.secret]))
        name = f"{request.secret.namespace}-{request.secret.name}.yaml"
        content = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
        yield WriteFile(path=REQUESTS / name, content=content, may_replace=False)


def _step(work: WriteFile) -> Step:
    return file_step(replace(work, may_replace=False))


def _refuse_to_replace(plan: Plan, directory: Path) -> None:
    differing = [step for step in plan.steps if step.changes]
    if differing:
        count = len(differing)
        raise Problems(
            tuple(
                Problem(str(directory / step.address.name), "is there and says something else") for step in differing
            ),
            what=f"{count} file{' is' if count == 1 else 's are'} in the way; nothing was written",
            remedy="Choose another directory with --output-dir, or move them away.",
        )


def _notes(
    requests: tuple[CredentialsRequest, ...], roles: Mapping[SecretRef, str], signing: Jwk | None
) -> Iterator[str]:
    without = [str(request.secret) for request in requests if request.secret not in roles]
    if without:
        yield f"no role is named by {', '.join(without)}: see `ccoctl cluster verify`, and `repair`"
    if signing is None:
        yield f"which of the keys signs could not be seen, so there is no {PUBLIC}: copy it from {KEYS}/"
