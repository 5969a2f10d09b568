"""Which of the requests that were read apply, and a sentence about those that do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from ccoctl.credentialsrequest.model import CredentialsRequest, Loaded, Reason, SecretRef, Skipped
from ccoctl.errors import Problem, Problems

FEATURE_SET = "release.openshift.io/feature-set"
TECH_PREVIEW = "TechPreviewNoUpgrade"


class Selected(msgspec.Struct, frozen=True, kw_only=True):
    """The requests that apply, and the documents left out."""

    requests: tuple[CredentialsRequest, ...]
    skipped: tuple[Skipped, ...] = ()

    def summary(self) -> str:
        """One sentence about what was left out; empty when nothing was."""
        return _summary(self.skipped)


def select(loaded: Loaded, *, enable_tech_preview: bool) -> Selected:
    """The requests that apply.

    A request of a feature set applies only when that is TechPreviewNoUpgrade, among others or alone, and tech preview
    is enabled.

    Raises:
        Problems: requests that cannot be served as they are, or none that applies.
    """
    applying = [one for one in loaded.requests if _applies(one, enable_tech_preview=enable_tech_preview)]
    left_out = [one for one in loaded.requests if not _applies(one, enable_tech_preview=enable_tech_preview)]
    skipped = (
        *loaded.skipped,
        *(Skipped(source=one.source, reason=Reason.FEATURE_SET, name=str(one.secret)) for one in left_out),
    )
    requests, problems = _once_each(applying)
    problems += [
        Problem(
            f"{one.source}: spec.serviceAccountNames",
            f"request {one.name} names no service account that may use its role",
        )
        for one in requests
        if not one.service_accounts
    ]
    if not applying:
        summary = _summary(skipped)
        reason = f": {summary}" if summary else ""
        problems.append(Problem(loaded.directory, f"holds no CredentialsRequest for AWS that applies{reason}"))
    if problems:
        raise Problems(tuple(problems))
    return Selected(requests=requests, skipped=skipped)


def _applies(request: CredentialsRequest, *, enable_tech_preview: bool) -> bool:
    sets = {word for part in request.annotations.get(FEATURE_SET, "").split(",") if (word := part.strip())}
    return not sets or (enable_tech_preview and TECH_PREVIEW in sets)


def _once_each(requests: Iterable[CredentialsRequest]) -> tuple[tuple[CredentialsRequest, ...], list[Problem]]:
    """The requests, each Secret's first; a second one that says something else is a problem."""
    kept: dict[SecretRef, CredentialsRequest] = {}
    problems = []
    for request in requests:
        first = kept.setdefault(request.secret, request)
        if not _says_the_same(first, request):
            what = f"the Secret {request.secret} is asked for by another request too, in {first.source}"
            problems.append(Problem(f"{request.source}: spec.secretRef", what))
    return tuple(kept.values()), problems


def _says_the_same(first: CredentialsRequest, second: CredentialsRequest) -> bool:
    return first == replace(second, source=first.source, annotations=first.annotations)


def _summary(skipped: Iterable[Skipped]) -> str:
    names: dict[Reason, Counter[str]] = {}
    for one in skipped:
        names.setdefault(one.reason, Counter())[one.name] += 1
    parts = [part for reason in Reason if reason in names for part in _parts(reason, names[reason])]
    return f"skipped {', '.join(parts)}" if parts else ""


def _parts(reason: Reason, names: Counter[str]) -> list[str]:
    count = names.total()
    match reason:
        case Reason.OTHER_KIND:
            return ["1 document of another kind" if count == 1 else f"{count} documents of other kinds"]
        case Reason.OTHER_CLOUD:
            return [
                f"{of_one} request{'' if of_one == 1 else 's'} {f'for {name}' if name else 'without a provider'}"
                for name, of_one in sorted(names.items())
            ]
        case Reason.DELETED:
            return [f"{count} marked for deletion"]
        case Reason.FEATURE_SET:
            return [f"{count} of a feature set that is not enabled ({', '.join(sorted(names))})"]
