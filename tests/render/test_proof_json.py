"""A proof, as a script reads it."""

from __future__ import annotations

import json

from hypothesis import given

from ccoctl.federation.proof import Proof
from ccoctl.render.proof_json import proof_json
from tests.render import proofs


def test_the_shape_is_promised() -> None:
    told = proof_json(proofs.seven())

    assert {name: value for name, value in told.items() if not isinstance(value, list)} == {
        "name": "demo",
        "region": "us-east-1",
        "holds": True,
        "standing": "holds",
        "at": "2026-07-27T10:00:00Z",
        "issuer": "https://demo-oidc.s3.us-east-1.amazonaws.com",
        "provider_arn": "arn:aws:iam::123456789012:oidc-provider/demo-oidc.s3.us-east-1.amazonaws.com",
        "kid": "EXJpNKXAl5mUhuoS1p0fbPEcM9WvmjHMbqZXBUJT2uA",
    }
    assert told["checks"][-1] == {
        "name": "signing key",
        "part": "signing key",
        "verdict": "ok",
        "detail": "Its kid is published.",
    }
    assert told["components"][2]["service_accounts"] == [
        "openshift-cloud-credential-operator/cloud-credential-operator"
    ]
    assert told["components"][2]["permissions"] == [
        {
            "effect": "Allow",
            "actions": ["iam:GetUser", "iam:GetUserPolicy", "iam:ListAccessKeys"],
            "resource": "*",
            "condition": "",
        }
    ]
    assert told["findings"][0]["severity"] == "low"


def test_an_exchange_says_what_was_wanted_and_what_came() -> None:
    wrong = [entry for entry in proof_json(proofs.broken())["exchanges"] if not entry["right"]]

    assert wrong[0] == {
        "attempt": "other_role",
        "service_account": "openshift-image-registry/registry",
        "role": "demo-openshift-cluster-api-capa-manager-bootstrap-credentials",
        "wanted": False,
        "answered": False,
        "granted": False,
        "right": False,
        "identity": "",
        "mistaken": False,
        "code": "Throttling",
        "message": "Rate exceeded",
    }
    assert len(wrong) == 6


@given(proofs.proofs())
def test_any_proof_is_json_and_loses_nothing(proof: Proof) -> None:
    told = json.loads(json.dumps(proof_json(proof)))

    assert told["holds"] is proof.holds
    assert [len(told[name]) for name in ("checks", "components", "exchanges", "findings")] == [
        len(proof.checks),
        len(proof.components),
        len(proof.exchanges),
        len(proof.findings),
    ]
