"""A proof for scripts."""

from __future__ import annotations

from typing import Any

from ccoctl.federation.proof import Check, Component, Exchange, Finding, Proof


def proof_json(proof: Proof) -> dict[str, Any]:
    """The proof as data; names and values stay as they are, new names may come.

    `holds` (bool) is what the exit code says; `standing` is `holds`, `is not proven` or `does not hold`. `name`,
    `region`, `issuer`, `provider_arn`, `kid` and `at` (ISO 8601) are texts, empty where not known. `checks`,
    `components`, `exchanges` and `findings` are lists in the order in which they were made; `exchanges` is empty where
    no token was tried. What is not known in an entry (a code, an identity, a condition) is an empty text.
    """
    return {
        "name": proof.name,
        "region": proof.region,
        "holds": proof.holds,
        "standing": proof.standing.value,
        "at": proof.at,
        "issuer": proof.issuer,
        "provider_arn": proof.provider_arn,
        "kid": proof.kid,
        "checks": [_check(one) for one in proof.checks],
        "components": [_component(one) for one in proof.components],
        "exchanges": [_exchange(one) for one in proof.exchanges],
        "findings": [_finding(one) for one in proof.findings],
    }


def _check(check: Check) -> dict[str, Any]:
    return {"name": check.name, "part": check.part.value, "verdict": check.verdict.value, "detail": check.detail}


def _component(component: Component) -> dict[str, Any]:
    return {
        "secret": component.secret,
        "role": component.role,
        "role_arn": component.role_arn,
        "service_accounts": list(component.service_accounts),
        "permissions": [
            {
                "effect": one.effect,
                "actions": list(one.actions),
                "resource": one.resource,
                "condition": one.condition,
            }
            for one in component.permissions
        ],
    }


def _exchange(exchange: Exchange) -> dict[str, Any]:
    return {
        "attempt": exchange.attempt.name.lower(),
        "service_account": exchange.service_account,
        "role": exchange.role,
        "wanted": exchange.wanted,
        "answered": exchange.answered,
        "granted": exchange.granted,
        "right": exchange.right,
        "identity": exchange.identity,
        "mistaken": exchange.mistaken,
        "code": exchange.code,
        "message": exchange.message,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity.value,
        "where": finding.where,
        "what": finding.what,
        "remedy": finding.remedy,
    }
