"""A crash is a re-run: killed at any call, the same command ends where an undisturbed run ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ccoctl.aws import names
from ccoctl.aws.client import AwsCloud, Connection
from ccoctl.aws.observe import Scope, observe
from ccoctl.aws.reader import reader
from ccoctl.aws.resources import Account, OriginAccess
from ccoctl.lab.server import EmbeddedAws
from ccoctl.workflows import aws_create, aws_delete
from ccoctl.workflows.aws_order import Checked, Order, Part, check
from tests.workflows.commands import NOTHING, inventory
from tests.workflows.mortal import Killed, MortalCloud


@pytest.fixture
def cloud(embedded_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> AwsCloud:
    for name, value in embedded_aws.environment().items():
        monkeypatch.setenv(name, value)
    return AwsCloud(Connection(region="us-east-1"))


def order(requests_dir: Path, key_pair: Path, out: Path, *, private: bool, access: OriginAccess | None) -> Checked:
    return check(
        Order(
            part=Part.ALL,
            name="demo",
            region="us-east-1",
            output_dir=out,
            credentials_requests_dir=requests_dir,
            public_key_file=key_pair / "serviceaccount-signer.public",
            private=private,
            access=access,
        )
    )


def create(wanted: Checked, cloud: Any) -> bool:
    """One whole run; False when it was killed."""
    try:
        prepared = aws_create.prepare(wanted, cloud)
        made = aws_create.carry_out(prepared, cloud, concurrency=4)
    except Killed:
        return False
    return made.result.ok


def account(wanted: Checked, cloud: AwsCloud) -> Any:
    """What the account holds, less what differs from run to run: ids and ETags."""
    roles = names.role_names("demo", [request.secret for request in wanted.requests]).values()
    with reader(cloud.perform, 4) as asked:
        found = observe(asked, Scope(settings=wanted.settings, roles=tuple(roles)))
    return _without_ids(found)


def _without_ids(found: Account) -> Any:
    bucket = found.bucket
    assert bucket is not None
    front = found.distribution
    host = front.domain_name if front is not None else "-"
    identity = str(found.access_identities[0].id) if found.access_identities else "-"
    text = repr(
        (
            replace(bucket, policy=None),
            getattr(bucket.policy, "document", None),
            [(item.key, item.body, item.content_type, item.tags) for item in found.documents.values()],
            front and (front.comment, front.origin, front.enabled, front.tags, front.access),
            len(found.access_identities),
            [(provider.url, sorted(provider.audiences), provider.tags) for provider in found.providers],
            [
                (role.name, role.trust.document, role.permissions, role.tags, role.inline_policies)
                for role in found.roles.values()
            ],
        )
    )
    for old, new in ((host, "HOST"), (identity, "IDENTITY"), (front.arn if front else "-", "ARN")):
        text = text.replace(old, new)
    return text


def files(out: Path, cloud_host: str) -> dict[str, str]:
    return {
        str(path.relative_to(out)): path.read_text().replace(cloud_host, "HOST")
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


CASES = [
    (False, None),
    (True, OriginAccess.OAI),
    pytest.param(True, OriginAccess.OAC, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("private", "access"), CASES, ids=["public", "oai", "oac"])
def test_a_creation_killed_at_any_call_is_finished_by_the_next(
    embedded_aws: EmbeddedAws,
    cloud: AwsCloud,
    requests_dir: Path,
    key_pair: Path,
    tmp_path: Path,
    private: bool,
    access: OriginAccess | None,
) -> None:
    undisturbed = order(requests_dir, key_pair, tmp_path / "undisturbed", private=private, access=access)
    assert create(undisturbed, cloud)
    wanted, made = account(undisturbed, cloud), inventory(embedded_aws)
    counts = {name: len(items) for name, items in made.items()}
    written = files(tmp_path / "undisturbed", _host(cloud, undisturbed))

    points = 0
    while True:
        embedded_aws.reset()
        out = tmp_path / f"killed-{points}"
        checked = order(requests_dir, key_pair, out, private=private, access=access)
        if create(checked, MortalCloud(cloud, points)):
            break
        assert create(checked, cloud), f"point {points}"
        assert account(checked, cloud) == wanted, f"point {points}"
        assert {name: len(items) for name, items in inventory(embedded_aws).items()} == counts, f"point {points}"
        assert files(out, _host(cloud, checked)) == written, f"point {points}"
        points += 1

    assert points == (13 if private else 11)


def _host(cloud: AwsCloud, wanted: Checked) -> str:
    with reader(cloud.perform, 4) as asked:
        found = observe(asked, Scope(settings=wanted.settings))
    return found.distribution.domain_name if found.distribution is not None else "-"


@pytest.mark.parametrize("private", [False, pytest.param(True, marks=pytest.mark.long)], ids=["public", "private"])
def test_a_deletion_killed_at_any_call_is_finished_by_the_next(
    embedded_aws: EmbeddedAws, cloud: AwsCloud, requests_dir: Path, key_pair: Path, tmp_path: Path, private: bool
) -> None:
    settings = aws_delete.check("demo", "us-east-1")
    points = 0
    while True:
        embedded_aws.reset()
        assert create(order(requests_dir, key_pair, tmp_path / "out", private=private, access=None), cloud)
        mortal = MortalCloud(cloud, points)
        with_luck = aws_delete.carry_out(aws_delete.prepare(settings, mortal), mortal, concurrency=4)
        if with_luck.result.ok:
            break
        assert not aws_delete.carry_out(aws_delete.prepare(settings, cloud), cloud).left
        assert inventory(embedded_aws) == NOTHING, f"point {points}"
        points += 1

    assert points >= 8
