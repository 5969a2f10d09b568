"""The part of an upgrade that is about the running cluster: its Secrets, and how it is told that it may go on."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import yaml

from ccoctl.aws import names
from ccoctl.aws.reader import Reader
from ccoctl.aws.steps.common import after as edges
from ccoctl.aws.upgrade import Drawn, Dropped
from ccoctl.aws.upgrade_observe import Held
from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.engine.plan import Action, Address, After, FieldChange, Step
from ccoctl.errors import Problem, Problems
from ccoctl.openshift import calls

UPGRADEABLE = "cluster/upgradeable-to"
"""The id of the step that lets the cluster go on."""
_ROLE = re.compile(r"^\s*role_arn\s*=\s*(\S+)\s*$", re.MULTILINE)
_TOKEN = re.compile(r"^\s*web_identity_token_file\s*=\s*(\S+)\s*$", re.MULTILINE)
_NUMBERS = re.compile(r"v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,6}))?(?:-[\w.-]+)?")
_MOST_PAGES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSecret:
    """A component's Secret as the cluster holds it."""

    uid: str
    credentials: str = field(repr=False)

    @property
    def role_arn(self) -> str:
        """The role that it names; empty where it names none."""
        return _said(_ROLE, self.credentials)

    @property
    def token_path(self) -> str:
        """Where its component looks for the token; empty where it does not say."""
        return _said(_TOKEN, self.credentials)


class InCluster(msgspec.Struct, frozen=True, kw_only=True):
    """What a cluster was found to hold."""

    secrets: Mapping[SecretRef, ClusterSecret]
    missing: frozenset[str]
    """Namespaces of Secrets that are not there, which are not there either: the new release brings them."""
    requests: Mapping[SecretRef, str]
    """The CredentialsRequests of the cluster, by their Secret: `namespace/name`."""
    mode: str
    upgradeable_to: str
    version: str
    """The resource version of the CloudCredential, so that nobody's change is overwritten."""

    def roles(self, account: str) -> dict[SecretRef, str]:
        """The name of the role in this account that each Secret names."""
        named = {ref: secret.role_arn.partition(f":iam::{account}:role/")[2] for ref, secret in self.secrets.items()}
        return {ref: path.rpartition("/")[2] for ref, path in named.items() if path}


def in_cluster(asked: Reader, secrets: Iterable[SecretRef], *, is_last: bool, is_told: bool) -> InCluster:
    """Look at the Secrets of both releases, and at no more than is needed.

    Args:
        asked: who asks.
        secrets: whose Secrets.
        is_last: whether something is to be removed, which a request of the cluster may still ask for.
        is_told: whether the cluster is to be told that it may go on.

    Raises:
        CloudError: the cluster does not answer, or may not be asked.
    """
    refs = tuple(dict.fromkeys(secrets))
    answers = {ref: asked.start(lambda ref=ref: asked.find(calls.get_secret(ref.namespace, ref.name))) for ref in refs}  # type: ignore[misc]  # mypy infers no type for a lambda's default
    requests = asked.start(lambda: dict(_requests(asked)) if is_last else {})
    configuration = (asked.find(calls.get_cloud_credential()) if is_told else None) or {}
    metadata, spec = _mapping(configuration, "metadata"), _mapping(configuration, "spec")
    there = {ref: answer for ref, future in answers.items() if (answer := future.result()) is not None}
    unsure = sorted({ref.namespace for ref in refs if ref not in there})
    namespaces = {name: asked.start(lambda name=name: asked.find(calls.look_for_namespace(name))) for name in unsure}  # type: ignore[misc]  # mypy infers no type for a lambda's default
    return InCluster(
        secrets={ref: _secret(answer) for ref, answer in there.items()},
        missing=frozenset(name for name, future in namespaces.items() if future.result() is None),
        requests=requests.result(),
        mode=str(spec.get("credentialsMode", "")),
        upgradeable_to=str(_mapping(metadata, "annotations").get(calls.UPGRADEABLE_TO, "")),
        version=str(metadata.get("resourceVersion", "")),
    )


def applied(drawn: Drawn, found: InCluster) -> tuple[Step, ...]:
    """The steps that bring the new Secrets into the cluster; one that is there as wanted needs none.

    A component that is new may have no namespace yet: the release would bring it, but its Secret must be there first.
    """
    wanted = {ref: _credentials(step) for ref, step in zip(drawn.roles, drawn.files, strict=True)}
    differ = [ref for ref, text in wanted.items() if (old := found.secrets.get(ref)) is None or old.credentials != text]
    made = {name: _make_namespace(name) for name in sorted({ref.namespace for ref in differ} & found.missing)}
    return (*made.values(), *(_apply(ref, wanted[ref], found, _first(drawn, ref, made)) for ref in differ))


def moved(drawn: Drawn, found: InCluster) -> tuple[str, ...]:
    """Whose token is elsewhere in the new release: there no Secret is good for the pods of both."""
    wanted = {ref: _said(_TOKEN, _credentials(step)) for ref, step in zip(drawn.roles, drawn.files, strict=True)}
    return tuple(
        f"pods of the new release find the token of {ref} at {path}, those of the old one at {there.token_path}: the "
        "latter fail once the Secret is changed, so let the component be replaced right after it"
        for ref, path in wanted.items()
        if (there := found.secrets.get(ref)) is not None and there.token_path not in {"", path}
    )


def strangers(steps: Iterable[Step], found: InCluster, here: Held) -> tuple[Problem, ...]:
    """Secrets that would be changed and do not name a role of this set-up: somebody else's, or a long-lived key."""
    named = found.roles(here.account)
    ours = names.role_prefix(here.name)
    return tuple(
        Problem(
            f"Secret {ref} in the cluster",
            f"it names {there.role_arn or 'no role'}, and not one of this set-up: delete it, if its component may use "
            "the role of the new release instead",
        )
        for ref, there in found.secrets.items()
        if _id(ref, "apply") in {step.id for step in steps} and not named.get(ref, "").startswith(ours)
    )


def _first(drawn: Drawn, ref: SecretRef, made: Mapping[str, Step]) -> tuple[After, ...]:
    """What a Secret waits for: its role's rights, and its namespace."""
    namespace = [made[ref.namespace].id] if ref.namespace in made else []
    return (*drawn.rights[ref], *edges("its namespace must be there", *namespace))


def not_applied(drawn: Drawn, found: InCluster) -> tuple[Problem, ...]:
    """The Secrets of the new release that are not in the cluster as they must be before anything is removed."""
    return tuple(Problem(str(step.address), f"left to do: {step.summary}") for step in applied(drawn, found))


def asked_for(dropped: Iterable[Dropped], found: InCluster) -> dict[str, str]:
    """By role: the request of the cluster that still asks for its Secret; add-ons bring their own."""
    return {
        one.role.name: found.requests[one.secret]
        for one in dropped
        if one.secret in found.requests and not one.replaced and one.secret is not None
    }


def removed(dropped: Iterable[Dropped], found: InCluster) -> tuple[Step, ...]:
    """The steps that remove Secrets whose roles go; one that names another role by now stays."""
    return tuple(
        Step(
            id=_id(one.secret, "delete"),
            address=_address(one.secret),
            action=Action.DELETE,
            summary=f"delete Secret {one.secret} from the cluster",
            work=calls.delete_secret(one.secret.namespace, one.secret.name, uid=found.secrets[one.secret].uid),
        )
        for one in dropped
        if one.secret in found.secrets
        and one.secret is not None
        and found.secrets[one.secret].role_arn == str(one.role.arn)
    )


def upgradeable(version: str, found: InCluster, others: Iterable[Step]) -> Step | None:
    """The step that lets the cluster go on, after all others; None where it was told so already.

    Raises:
        Problems: the operator makes credentials itself, so that nobody waits for this.
    """
    if found.mode not in {"", "Manual"}:
        what = (
            f"credentialsMode is {found.mode}, and a cluster in that mode waits for nobody: leave --target-version out"
        )
        raise Problems((Problem("CloudCredential cluster", what),))
    wanted = plain(version)
    if numbers(found.upgradeable_to) >= numbers(wanted):
        return None
    return Step(
        id=UPGRADEABLE,
        address=Address("CloudCredential", "cluster"),
        action=Action.UPDATE,
        summary=f"tell the cluster that it may be upgraded to {wanted}, once all is seen to be there",
        work=calls.set_upgradeable_to(wanted, found.version),
        after=tuple(After(step=step.id, reason="only when everything is there") for step in others),
        changes=(FieldChange(name=calls.UPGRADEABLE_TO, old=found.upgradeable_to, new=wanted),),
    )


def plain(version: str) -> str:
    """A version as the operator reads it, without what comes before and after its numbers."""
    return version.removeprefix("v").partition("-")[0]


def numbers(version: str) -> tuple[int, ...]:
    """A version to compare by; empty for what is none."""
    found = _NUMBERS.fullmatch(version)
    return tuple(int(text) for text in found.groups() if text is not None) if found else ()


def _apply(ref: SecretRef, text: str, found: InCluster, after: tuple[After, ...]) -> Step:
    there = found.secrets.get(ref)
    change = FieldChange(name="role", old=there.role_arn if there else "", new=_said(_ROLE, text))
    return Step(
        id=_id(ref, "apply"),
        address=_address(ref),
        action=Action.UPDATE if there else Action.CREATE,
        summary=f"{'change' if there else 'make'} Secret {ref} in the cluster",
        work=calls.apply_secret(ref.namespace, ref.name, {"credentials": text}, force=there is not None),
        after=after,
        changes=(change,) if there and change.old != change.new else (),
    )


def _said(what: re.Pattern[str], profile: str) -> str:
    found = what.search(profile)
    return found[1] if found else ""


def _make_namespace(name: str) -> Step:
    return Step(
        id=f"namespace/{name}/create",
        address=Address("Namespace", name),
        action=Action.CREATE,
        summary=f"make namespace {name} in the cluster, as the new release would",
        work=calls.create_namespace(name),
    )


def _credentials(step: Step) -> str:
    """What a Secret's manifest says, without the YAML around it."""
    content = getattr(step.work, "content", "")
    said: Any = yaml.safe_load(str(content))
    return str(said["stringData"]["credentials"])


def _secret(answer: Mapping[str, Any]) -> ClusterSecret:
    held = _mapping(answer, "data").get("credentials", "")
    try:
        text = base64.b64decode(str(held), validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    return ClusterSecret(uid=str(_mapping(answer, "metadata").get("uid", "")), credentials=text)


def _requests(asked: Reader) -> Iterator[tuple[SecretRef, str]]:
    token = ""  # a page's mark, no password # nosec B105
    for _ in range(_MOST_PAGES):
        page = asked.find(calls.list_credentials_requests(token)) or {}
        listed = page.get("items")
        for item in listed if isinstance(listed, list) else []:
            metadata, spec = _mapping(item, "metadata"), _mapping(item, "spec")
            ref = _mapping(spec, "secretRef")
            if ref and not metadata.get("deletionTimestamp"):
                secret = SecretRef(namespace=str(ref.get("namespace", "")), name=str(ref.get("name", "")))
                yield secret, f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
        token = str(_mapping(page, "metadata").get("continue") or "")
        if not token:
            return


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _id(ref: SecretRef | None, verb: str) -> str:
    return f"secret/{ref}/{verb}"


def _address(ref: SecretRef | None) -> Address:
    return Address("Secret", str(ref))


__all__ = [
    "UPGRADEABLE",
    "InCluster",
    "applied",
    "asked_for",
    "in_cluster",
    "moved",
    "not_applied",
    "numbers",
    "plain",
    "removed",
    "strangers",
    "upgradeable",
]
