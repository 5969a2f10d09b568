"""Public or private: what exists decides."""

from __future__ import annotations

from msgspec.structs import replace

from ccoctl.aws.mode import mode
from ccoctl.aws.resources import Account
from tests.aws.builders import FRONT, HOST, private_account, provider, public_account, settings


def test_nothing_there_makes_what_is_asked_for() -> None:
    assert mode(settings(), Account()).issuer.url == f"https://{HOST}"
    assert not mode(settings(), Account()).settings.private
    assert mode(settings(private=True), Account()).settings.private


def test_defect_2_a_private_set_up_stays_private_without_the_flag() -> None:
    decided = mode(settings(), private_account())

    assert decided.settings.private
    assert decided.issuer.url == f"https://{FRONT}"
    assert not decided.conflicts
    assert decided.notes == ("the set-up is private and stays so",)


def test_a_public_set_up_does_not_become_private_by_a_flag() -> None:
    decided = mode(settings(private=True), public_account())

    assert "`ccoctl aws migrate-to-private-bucket`" in decided.conflicts[0].what


def test_both_issuers_registered_is_a_migration_under_way() -> None:
    found = private_account()
    found = replace(found, providers=(*found.providers, provider(settings())))

    assert "migration between them is under way" in mode(settings(), found).conflicts[0].what


def test_a_distribution_that_serves_the_folder_is_a_migration_under_way() -> None:
    """The other issuer may not be registered yet, or not any more: its documents have the root all the same."""
    found = private_account()
    assert found.distribution is not None
    origin = {"DomainName": HOST, "OriginPath": "/cloudfront"}
    moved = replace(found.distribution, config={"Origins": {"Quantity": 1, "Items": [origin]}})

    assert "migrate-to-private-bucket" in mode(settings(), replace(found, distribution=moved)).conflicts[0].what


def test_a_published_issuer_that_nobody_serves_is_not_overwritten() -> None:
    found = replace(private_account(), distribution=None)

    assert f"https://{FRONT}" in mode(settings(), found).conflicts[0].what
