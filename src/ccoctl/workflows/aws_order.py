"""What a user orders of AWS, and checking all of it before anything is called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

import msgspec

from ccoctl.aws import desired, manifests, names
from ccoctl.aws.desired import Flavor, Settings, Trusted
from ccoctl.aws.partition import Partition, has_cloudfront, partition_named, partition_of, suggestion
from ccoctl.aws.policy_form import form_problems
from ccoctl.aws.resources import OriginAccess
from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.model import CredentialsRequest, Loaded
from ccoctl.credentialsrequest.select import Selected, select
from ccoctl.errors import Problem, Problems


class Part(Enum):
    """Which part of a set-up a command makes."""

    ALL = "all"
    IDENTITY_PROVIDER = "identity provider"
    IAM_ROLES = "IAM roles"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The options of the creating commands and of `plan`, as given."""

    part: Part
    name: str
    region: str = ""
    output_dir: Path
    credentials_requests_dir: Path | None = None
    requests: Loaded | None = None
    """Those of a release image, read already; they take the place of a directory."""
    said: tuple[str, ...] = ()
    """What was noted while they were read, and told already."""
    public_key_file: Path | None = None
    provider_arn: str = ""
    private: bool = False
    access: OriginAccess | None = None
    shared: str = ""
    issuer_url: str = ""
    flavor: Flavor = Flavor.OPENSHIFT
    boundary: str = ""
    role_path: str = ""
    tags: Mapping[str, str] = msgspec.field(default_factory=dict)
    max_session_duration: int | None = None
    bind_audience: bool = False
    enable_tech_preview: bool = False
    key_bits: int = 4096


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """An order that can be carried out: settings, requests, and the provider that roles alone trust."""

    order: Order
    settings: Settings
    selected: Selected | None = None
    trusted: Trusted | None = None
    notes: tuple[str, ...] = ()

    @property
    def requests(self) -> tuple[CredentialsRequest, ...]:
        """The requests that apply."""
        return self.selected.requests if self.selected is not None else ()


# Texts, and compiled where an option is given, since each takes longer than looking at all options that are not.
_PROVIDER_ARN = r"arn:(?P<partition>[a-z-]+):iam::(?P<account>\d{12}):oidc-provider/(?P<host>[^\s?#]+)"
_POLICY_ARN = r"arn:(?P<partition>[a-z-]+):iam::(\d{12}|aws):policy/[\x21-\x7e]+"
_ROLE_PATH = r"/|/[\x21-\x7e]{1,510}/"
_TAG_KEY = r"[\w .:/=+@-]{1,128}"
_NEAR = 0.8
"""How like a region of the list another one must be to be taken for a slip of the pen."""
_TAG_VALUE = r"[\w .:/=+@-]{0,256}"


def check(order: Order) -> Checked:
    """Everything that can be wrong with an order, found in one go.

    Raises:
        Problems: with all of it.
        FileError: the directory of requests cannot be read.
    """
    problems = list(names.name_problems(order.name))
    partition = _partition(order, problems)
    problems += _option_problems(order, partition)
    selected = _selected(order, problems)
    if problems or partition is None:
        raise Problems(tuple(problems))
    settings = Settings(
        name=order.name,
        region=order.region,
        partition=partition,
        private=order.private,
        access=order.access,
        shared=order.shared,
        issuer_url=order.issuer_url,
        flavor=order.flavor,
        boundary=order.boundary,
        role_path=order.role_path,
        tags=order.tags,
        max_session_duration=order.max_session_duration,
        bind_audience=order.bind_audience,
    )
    if selected is not None and (found := _unfit(settings, selected.requests)):
        raise Problems(found)
    return Checked(
        order=order,
        settings=settings,
        selected=selected,
        trusted=_trusted(order),
        notes=_notes(order, partition, selected),
    )


def _unfit(settings: Settings, requests: tuple[CredentialsRequest, ...]) -> tuple[Problem, ...]:
    """What cannot be made of the requests as they are."""
    oversized = desired.size_problems(settings, requests)
    return (*form_problems(requests), *oversized, *_of_files(settings.flavor, requests))


def _of_files(flavor: Flavor, requests: tuple[CredentialsRequest, ...]) -> tuple[Problem, ...]:
    if flavor is Flavor.OPENSHIFT:
        return manifests.file_problems(requests)
    from ccoctl.aws import kubernetes

    return kubernetes.problems(requests)


def _partition(order: Order, problems: list[Problem]) -> Partition | None:
    try:
        if order.part is Part.IAM_ROLES and not order.region:
            arn = _provider(order)  # what is wrong with it is told with the other options
            return partition_named(arn["partition"]) if arn is not None else None
        return partition_of(order.region)
    except Problems as error:
        problems += error.problems
        return None


def _selected(order: Order, problems: list[Problem]) -> Selected | None:
    if order.requests is None and order.credentials_requests_dir is None:
        return None
    try:
        loaded = order.requests or load(order.credentials_requests_dir or Path())
        return select(loaded, enable_tech_preview=order.enable_tech_preview)
    except Problems as error:
        problems += error.problems
        return None


def _option_problems(order: Order, partition: Partition | None) -> list[Problem]:
    found = []
    arn = _provider(order)
    if order.part is Part.IAM_ROLES and arn is None:
        found.append(Problem("--identity-provider-arn", f"{order.provider_arn!r} is not the ARN of an OIDC provider"))
    elif arn is not None and partition is not None and arn["partition"] != partition.id:
        found.append(
            Problem("--identity-provider-arn", f"it is in partition {arn['partition']}, --region is in {partition.id}")
        )
    if order.boundary and not re.fullmatch(_POLICY_ARN, order.boundary):
        found.append(Problem("--permissions-boundary-arn", f"{order.boundary!r} is not the ARN of an IAM policy"))
    if order.role_path and not re.fullmatch(_ROLE_PATH, order.role_path):
        what = f"{order.role_path!r} must begin and end with a slash and hold no spaces, at most 512 characters"
        found.append(Problem("--role-path", what))
    if order.private and partition is not None and not has_cloudfront(partition.id):
        found.append(
            Problem("--create-private-s3-bucket", f"partition {partition.id} has no CloudFront; leave the option out")
        )
    return [*found, *_issuer_problems(order, partition), *_tag_problems(order)]


def _issuer_problems(order: Order, partition: Partition | None) -> list[Problem]:
    found = list(names.shared_problems(order.shared, order.name))
    if order.shared and partition is not None and not has_cloudfront(partition.id):
        found.append(Problem("--shared-issuer", f"partition {partition.id} has no CloudFront"))
    if not order.issuer_url:
        return found
    if order.shared or order.private:
        what = "the issuer is either served by you or from a bucket; leave out --shared-issuer and the private bucket"
        found.append(Problem("--issuer-url", what))
    if reason := names.issuer_problem(order.issuer_url):
        found.append(Problem("--issuer-url", f"{order.issuer_url[:200]!r} {reason}"))
    return found


def _tag_problems(order: Order) -> list[Problem]:
    own = names.owned_tags(order.name)
    found = []
    for key, value in order.tags.items():
        if key in own or key.startswith(names.TAG_PREFIX) or key.lower().startswith("aws:"):
            found.append(Problem("--tags", f"the key {key!r} is kept for AWS and for this tool"))
        elif not re.fullmatch(_TAG_KEY, key) or not re.fullmatch(_TAG_VALUE, value):
            found.append(
                Problem("--tags", f"{key!r}={value!r}: letters, digits, spaces and _.:/=+-@; 128 and 256 characters")
            )
    if len(order.tags) + len(own) > 10:
        found.append(Problem("--tags", f"S3 takes 10 tags for an object, and {len(own)} are ours"))
    return found


def _trusted(order: Order) -> Trusted | None:
    arn = _provider(order)
    return Trusted(arn=order.provider_arn, host=arn["host"]) if arn is not None else None


def _provider(order: Order) -> re.Match[str] | None:
    """The ARN that roles alone are made for, taken apart; None where it is none, or another part is made."""
    return re.fullmatch(_PROVIDER_ARN, order.provider_arn) if order.part is Part.IAM_ROLES else None


def _notes(order: Order, partition: Partition, selected: Selected | None) -> tuple[str, ...]:
    notes = []
    if order.region and not partition.knows(order.region):
        what = f"region {order.region} is newer than this tool's list of regions; it is taken as of {partition.id}"
        notes.append(what + suggestion(order.region, cutoff=_NEAR))
    if selected is not None and (said := selected.summary()):
        notes.append(said)
    return tuple(notes)
