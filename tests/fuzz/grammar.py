"""CredentialsRequests as trees in which anything can be put anywhere, and the forms of YAML to write them in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeAlias

API = "cloudcredential.openshift.io/v1"


@dataclass(frozen=True, slots=True)
class Raw:
    """YAML that is written as it is."""

    text: str


@dataclass(slots=True)
class Map:
    """A mapping, in which a key may stand twice."""

    pairs: list[list[Node]]


Node: TypeAlias = "str | int | float | bool | Raw | list[Node] | Map | None"
Slot: TypeAlias = "tuple[list[Node], int]"
"""A list and a place in it: where a value can be put instead of another."""


@dataclass(slots=True)
class Draft:
    """A case in the making."""

    random: Random
    documents: list[Node]
    mistakes: list[str] = field(default_factory=list)


def request(name: str, namespace: str, *accounts: str, statements: list[Any] | None = None, **spec: Any) -> Any:
    """A request that is as it should be."""
    entries = statements or [{"effect": "Allow", "action": ["ec2:DescribeVpcs"], "resource": "*"}]
    return {
        "apiVersion": API,
        "kind": "CredentialsRequest",
        "metadata": {
            "name": f"{namespace}-{name}",
            "namespace": "openshift-cloud-credential-operator",
            "annotations": {"include.release.openshift.io/self-managed-high-availability": "true"},
        },
        "spec": {
            "secretRef": {"name": name, "namespace": namespace},
            "serviceAccountNames": list(accounts),
            "providerSpec": {"apiVersion": API, "kind": "AWSProviderSpec", "statementEntries": entries},
            **spec,
        },
    }


OWN = (
    request("cloud-credentials", "openshift-ingress-operator", "ingress-operator"),
    request(
        "installer-cloud-credentials",
        "openshift-image-registry",
        "cluster-image-registry-operator",
        "registry",
        statements=[
            {"effect": "Allow", "action": ["s3:CreateBucket", "s3:GetObject"], "resource": "*"},
            {
                "effect": "Deny",
                "action": ["s3:DeleteBucket"],
                "resource": "arn:aws:s3:::*",
                "policyCondition": {
                    "StringEquals": {"aws:RequestedRegion": ["us-east-1", "us-west-2"]},
                    "Bool": {"aws:SecureTransport": False},
                },
            },
        ],
    ),
    request("b-c", "a", "controller", cloudTokenPath="/var/run/secrets/openshift/serviceaccount/token"),
    request("c", "a-b", "controller.one"),
)


def node_of(value: Any) -> Node:
    """Plain data as nodes that can be changed."""
    if isinstance(value, Mapping):
        return Map([[node_of(key), node_of(held)] for key, held in value.items()])
    if isinstance(value, list):
        return [node_of(item) for item in value]
    return value  # type: ignore[no-any-return] # a scalar


# where a mistake can be made


def slots(node: Node) -> Iterator[Slot]:
    """Every place below a node that holds a value."""
    if isinstance(node, Map):
        for pair in node.pairs:
            yield pair, 1
            yield from slots(pair[1])
    elif isinstance(node, list):
        for number, item in enumerate(node):
            yield node, number
            yield from slots(item)


def maps(node: Node) -> Iterator[Map]:
    """Every mapping below a node, and the node itself where it is one."""
    if isinstance(node, Map):
        yield node
    for held, at in slots(node):
        if isinstance(found := held[at], Map):
            yield found


def named(draft: Draft, *names: str) -> list[Slot]:
    """The places of the members that are called so."""
    found = maps(list(draft.documents))
    return [(pair, 1) for one in found for pair in one.pairs if pair[0] in names]


def anywhere(draft: Draft) -> Slot:
    """Any place."""
    return draft.random.choice(list(slots(draft.documents)) or [(draft.documents, 0)])


def put(draft: Draft, places: list[Slot], value: Node) -> None:
    """Put a value into one of the places; into a list, as one of its items at times."""
    held, at = draft.random.choice(places) if places else anywhere(draft)
    inner = held[at]
    if isinstance(inner, list) and inner and draft.random.random() < 0.7:
        inner[draft.random.randrange(len(inner))] = value
    else:
        held[at] = value


# forms


def quoted(text: str) -> str:
    """A string as JSON has it, which YAML reads as well but for halves of characters."""
    return json.dumps(text, ensure_ascii=False)


def scalar(node: Node) -> str:
    """A single value."""
    if isinstance(node, Raw):
        return node.text
    return quoted(node) if isinstance(node, str) else json.dumps(node)


def inline(node: Node) -> str:
    """A value in one line."""
    if isinstance(node, Map):
        return "{" + ", ".join(f"{scalar(key)}: {inline(value)}" for key, value in node.pairs) + "}"
    if isinstance(node, list):
        return f"[{', '.join(map(inline, node))}]"
    return scalar(node)


def flow(documents: list[Node]) -> str:
    """Documents of one line each."""
    return "".join(f"---\n{inline(document)}\n" for document in documents)


def as_json(documents: list[Node]) -> str:
    """One JSON document, if no mistake has it otherwise."""
    return "\n".join(map(inline, documents)) + "\n"


def block(documents: list[Node]) -> str:
    """Documents as people write them."""
    return "".join("---\n" + "\n".join(_lines(document, 0)) + "\n" for document in documents)


def _lines(node: Node, depth: int) -> Iterator[str]:
    margin = "  " * depth
    if isinstance(node, Map) and node.pairs and depth < 40:
        for key, value in node.pairs:
            if isinstance(value, Map | list) and value not in ([], Map([])):
                yield f"{margin}{_plain(key)}:"
                yield from _lines(value, depth + 1)
            else:
                yield f"{margin}{_plain(key)}: {_plain(value)}"
    elif isinstance(node, list) and node and depth < 40:
        for item in node:
            first, *rest = _lines(item, depth + 1)
            yield f"{margin}- {first.lstrip(' ')}"
            yield from rest
    else:
        yield f"{margin}{_plain(node)}"


def _plain(node: Node) -> str:
    """Without quotes where none are needed."""
    simple = isinstance(node, str) and node.isascii() and node.replace("-", "").isalnum() and node[0].isalpha()
    words = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
    return str(node) if simple and str(node).lower() not in words else inline(node)
