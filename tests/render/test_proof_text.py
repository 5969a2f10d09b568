"""A proof, as a person in a terminal reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from msgspec.structs import replace

from ccoctl.federation.proof import Attempt, Exchange, Proof, Standing, Verdict
from ccoctl.render.proof_matrix import STRANGERS, Mark, mark_of, matrix, tallies
from ccoctl.render.proof_text import proof_text
from ccoctl.render.proof_words import LONGEST, identifier, sentence, token_of
from tests.render import proofs


def test_a_good_proof_counts_the_exchanges_of_each_component_and_ends_with_what_it_amounts_to() -> None:
    lines = proof_text(proofs.seven()).splitlines()

    assert lines[0] == "demo in us-east-1, looked at 2026-07-27T10:00:00Z"
    assert lines[-1] == "The federation of demo holds."
    assert "  ok              1/1       6/6       4/4  openshift-machine-api/aws-cloud-credentials" in lines
    assert "  ok              2/2     12/12       4/4  openshift-image-registry/installer-cloud-credentials" in lines
    assert "WRONG" not in "\n".join(lines)


def test_every_wrong_exchange_is_told_in_full_and_no_right_one_is() -> None:
    proof = proofs.broken()
    text = proof_text(proof)
    section = text.partition("Not as it must be\n")[2].partition("\n\n")[0].splitlines()

    wrong = [item for item in proof.exchanges if not item.right]
    assert [line for line in section if line.startswith("  a token")] == [f"  {token_of(item)}" for item in wrong]
    assert section[:2] == [
        (
            "  a token of openshift-image-registry/registry for another component's role "
            "demo-openshift-cluster-api-capa-manager-bootstrap-credentials"
        ),
        "    no verdict: Throttling: Rate exceeded; it had to be refused",
    ]
    assert text.splitlines()[-1] == (
        "The federation of demo does not hold: 2 checks wrong, 5 exchanges wrong, 1 check that could not be made, "
        "1 exchange without a verdict."
    )


def test_what_is_wrong_comes_with_the_way_out_and_findings_with_the_worst_first() -> None:
    text = proof_text(proofs.broken())

    assert "  WRONG    documents\n" in text
    assert "keys.json answers 403. Make the object public." in text
    findings = [line.split()[0] for line in text.splitlines() if line.startswith(("  high", "  medium", "  low"))]
    assert findings == ["high", "medium", "low"]
    assert "Run ccoctl aws create-iam-roles: it writes the policy anew." in text


def test_fifty_components_take_a_line_each() -> None:
    text = proof_text(proofs.fifty())

    assert len(text.splitlines()) < 85
    assert "  ok              2/2     98/98       4/4  openshift-image-registry/installer-cloud-credentials-45" in text


def test_what_goes_wrong_in_the_same_way_is_told_once() -> None:
    proof = proofs.seven()
    broken = replace(proof, exchanges=tuple(replace(item, granted=not item.wanted) for item in proof.exchanges))
    section = proof_text(broken).partition("Not as it must be\n")[2].partition("\n\n")[0].splitlines()

    # nine service accounts, two of which share a role with another
    assert "  and 6 exchanges more of this kind, which --output json lists" in section
    assert len(section) < 60


def test_without_exchanges_nothing_is_claimed_of_them() -> None:
    text = proof_text(proofs.without_key())

    assert "No token was exchanged" in text
    assert text.splitlines()[-1] == "What was checked of demo holds; no token was exchanged."


@pytest.mark.parametrize("text", ["\x1b]0;title\x07", "\x9b31m", "a\nThe federation of demo holds.", "\u202egnp"])
def test_a_strangers_text_forges_no_line_and_steers_no_terminal(text: str) -> None:
    told = proof_text(proofs.hostile(text))

    assert all(line.isprintable() for line in told.splitlines())
    assert told.splitlines().count("The federation of demo holds.") == 0


@given(proofs.proofs())
def test_any_proof_is_told_in_lines_that_print(proof: Proof) -> None:
    assert all(line.isprintable() for line in proof_text(proof).split("\n"))


def test_a_letter_that_only_looks_like_one_is_seen_in_a_name() -> None:
    assert identifier("openshift-imаge-registry/x") == "openshift-im\\u0430ge-registry/x"
    assert sentence("naïve — “yes”") == "naïve — “yes”"


def test_a_sentence_without_end_is_cut() -> None:
    assert len(sentence("x" * 5000)) == LONGEST
    assert sentence("x" * 5000).endswith("x…")


def test_every_exchange_is_in_one_cell_and_the_diagonal_is_granted() -> None:
    proof = proofs.seven()
    grid = matrix(proof)

    assert len(grid.accounts) == 9
    assert [row.label for row in grid.strangers] == [kind.value for kind in STRANGERS]
    for row in grid.accounts:
        granted = [number for number, cell in enumerate(row.cells, 1) if cell.mark is Mark.GRANTED]
        assert tuple(granted) == row.numbers
        assert all(cell.mark in (Mark.GRANTED, Mark.REFUSED) for cell in row.cells)


@given(proofs.proofs())
def test_no_exchange_is_lost_or_doubled_by_the_matrix(proof: Proof) -> None:
    grid = matrix(proof)
    placed = [item for row in (*grid.accounts, *grid.strangers) for cell in row.cells for item in cell.exchanges]

    assert sorted(map(id, placed)) == sorted(map(id, proof.exchanges))


@given(proofs.proofs())
def test_a_mark_is_right_exactly_where_its_exchange_is(proof: Proof) -> None:
    assert all(mark_of(item).is_right == item.right for item in proof.exchanges)


def test_a_cell_shows_the_worst_of_its_exchanges() -> None:
    proof = proofs.seven()
    twice = replace(proof.exchanges[1], granted=True)
    grid = matrix(replace(proof, exchanges=(*proof.exchanges, twice)))

    assert grid.accounts[0].cells[1].mark is Mark.OPEN
    assert tallies(replace(proof, exchanges=(*proof.exchanges, twice)))[0].others.right == 6


def test_what_could_not_be_looked_at_is_neither_proven_nor_broken() -> None:
    proof = proofs.seven()
    unknown = replace(proof.checks[0], verdict=Verdict.UNKNOWN)
    silent = replace(proof.exchanges[0], answered=False, granted=False)

    assert proof.standing is Standing.HOLDS
    assert replace(proof, checks=(unknown,)).standing is Standing.UNPROVEN
    assert replace(proof, exchanges=(silent,)).standing is Standing.UNPROVEN
    assert proofs.broken().standing is Standing.BROKEN
    assert proof_text(replace(proof, checks=(unknown,))).endswith(
        "The federation of demo is not proven: 1 check that could not be made."
    )


def test_credentials_of_someone_else_are_wrong_though_granted() -> None:
    item = Exchange(
        attempt=Attempt.OWN_ROLE,
        service_account="a/b",
        role="r",
        granted=True,
        wanted=True,
        mistaken=True,
        identity="x",
    )

    assert not item.right
    assert mark_of(item) is Mark.MISTAKEN
