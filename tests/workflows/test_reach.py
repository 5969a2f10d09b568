"""One cloud for a plan's steps, whoever they are for."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from ccoctl.engine.call import Answer, Call
from ccoctl.errors import CloudError, DocumentError
from ccoctl.federation.https import Fetched
from ccoctl.signing import discovery, jwks
from ccoctl.signing.jwk import to_jwk
from ccoctl.signing.jwks import Jwks
from ccoctl.workflows.reach import Reach
from tests.federation.forgery import rsa_key

ISSUER = "https://demo-oidc.s3.us-east-1.amazonaws.com"
KEY = to_jwk(rsa_key("reach").public_key())


@dataclass
class Named:
    """A cloud that answers with its name."""

    name: str
    asked: list[str] = field(default_factory=list)

    def perform(self, call: Call) -> Answer:
        self.asked.append(call.name)
        return {"By": self.name}


def serve(url: str, limit: int) -> Fetched:
    """An issuer that publishes one key."""
    if url.endswith(discovery.PATH):
        return Fetched(json.dumps(discovery.document(ISSUER, f"{ISSUER}/keys.json")).encode()[:limit], None)
    return Fetched(jwks.render(Jwks((KEY,)))[:limit], None)


def refuse(url: str, limit: int) -> Fetched:
    raise DocumentError("The document cannot be had: HTTP 403", where=url[:limit])


def ask(kids: list[str], url: str = ISSUER) -> Call:
    return Call(service="issuer", operation="GetKeys", parameters={"Url": url, "Kids": kids})


def test_each_call_goes_to_whom_it_is_for() -> None:
    aws, cluster = Named("aws"), Named("cluster")
    reach = Reach(aws, cluster=cluster)

    assert reach.perform(Call(service="s3", operation="HeadBucket")) == {"By": "aws"}
    assert reach.perform(Call(service="tls", operation="Thumbprint")) == {"By": "aws"}
    assert reach.perform(Call(service="kubernetes", operation="GetKeys")) == {"By": "cluster"}
    assert (aws.asked, cluster.asked) == (["s3:HeadBucket", "tls:Thumbprint"], ["kubernetes:GetKeys"])


@pytest.mark.parametrize(
    ("asked", "seen"),
    [([], True), ([str(KEY.kid)], True), ([str(KEY.kid), "another"], False)],
    ids=["none", "published", "not published"],
)
def test_an_issuer_is_asked_which_keys_the_world_sees(asked: list[str], seen: bool) -> None:
    answer = Reach(Named("aws"), get=serve).perform(ask(asked))

    assert answer == {
        "Issuer": ISSUER,
        "Algorithms": ["RS256"],
        "Set": jwks.document(Jwks((KEY,))),
        "Kids": [KEY.kid],
        "AreSeen": seen,
    }


def test_documents_that_cannot_be_had_are_an_answer_that_says_why() -> None:
    answer = Reach(Named("aws"), get=refuse).perform(ask([]))

    assert answer == {
        "Issuer": "",
        "Kids": [],
        "AreSeen": False,
        "Problem": "The document cannot be had: HTTP 403",
    }


def test_documents_of_another_issuer_are_not_seen() -> None:
    answer = Reach(Named("aws"), get=serve).perform(ask([], f"{ISSUER}/elsewhere"))

    assert answer["AreSeen"] is False
    assert "another issuer's" in str(answer["Problem"])


@pytest.mark.parametrize("service", ["kubernetes", "issuer"])
def test_nobody_to_ask_is_told(service: str) -> None:
    with pytest.raises(CloudError, match=r"no cluster was named|nothing fetches"):
        Reach(Named("aws")).perform(Call(service=service, operation="GetKeys", parameters={"Url": ISSUER}))
