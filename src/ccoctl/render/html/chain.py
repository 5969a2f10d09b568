"""The chain of trust as a figure: drawn for either width, with its text alternative."""

from __future__ import annotations

from collections.abc import Iterator

from ccoctl.federation.proof import Proof
from ccoctl.render.html import chain_narrow, chain_wide
from ccoctl.render.html.links import WORDS, Chain, links
from ccoctl.render.html.markup import Markup, el
from ccoctl.render.proof_words import count, identifier

_NODES = {"bad": "is wrong", "open": "could not be checked"}


def chain(proof: Proof) -> Markup:
    """From the service accounts over token, issuer and provider to the roles and what they may do."""
    if not proof.components:
        return el("p", "There is no component.", class_="note")
    its = links(proof)
    label = "Chain of trust, from service accounts to permissions"
    caption = (
        "The API server signs a token for each service account with the key of this kid. STS checks it with the keys "
        "that the issuer publishes, because the identity provider says so, and hands out the role whose trust policy "
        "names the service account."
    )
    return el(
        "figure",
        chain_wide.picture(its, label),
        chain_narrow.picture(its, label),
        el("figcaption", caption, _untold(its)),
        el("ul", *(el("li", words) for words in _in_words(its)), id=WORDS, class_="unseen"),
    )


def _in_words(its: Chain) -> Iterator[str]:
    """The picture for those who do not see it."""
    for node in its.nodes:
        state = f", {_NODES[node.tone]}" if node.tone in _NODES else ""
        yield f"{node.title}: {identifier(node.text) or 'not known'}{state}"
    for lane in its.lanes:
        accounts = ", ".join(identifier(link.account) for link in lane.links) or "no service account"
        yield f"{lane.number}: {accounts} to role {identifier(lane.component.role)}{_state(its, lane.number)}"


def _state(its: Chain, number: int) -> str:
    lane = its.lanes[number - 1]
    told = ["there is no such role"] if lane.is_missing else []
    told += [f"{identifier(link.account)} does not get it" for link in lane.links if link.tone == "bad"]
    told += [f"no verdict for {identifier(link.account)}" for link in lane.links if link.tone == "open"]
    told += [f"{identifier(one.account)} gets it, too" for one in its.strays if one.role == lane.component.role]
    told += [f"it lets in: {', '.join(lane.strangers)}"] if lane.strangers else []
    return "".join(f"; {one}" for one in told)


def _untold(its: Chain) -> str | None:
    hidden = len(its.strays) - chain_wide.STRAYS
    return f" {count(hidden, 'arrow')} that must not be there is not drawn." if hidden > 0 else None
