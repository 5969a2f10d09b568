"""The YAML that `oc` writes, byte for byte as far as its encoder is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccoctl.credentialsrequest.document import Value, documents
from ccoctl.release.kubeyaml import kube_yaml, sort_keys


def value(data: Any) -> Value:
    if isinstance(data, dict):
        return Value({key: value(item) for key, item in data.items()}, 1)
    return Value(tuple(map(value, data)) if isinstance(data, list) else data, 1)


def bare(read: Value) -> Any:
    match read.data:
        case dict() as mapping:
            return {key: bare(item) for key, item in mapping.items()}
        case tuple() as items:
            return [bare(item) for item in items]
        case scalar:
            return scalar


def test_keys_are_sorted_and_lists_are_not_indented() -> None:
    text = kube_yaml(value({"spec": {"b": [{"z": 1, "x": [True, None]}], "a": []}, "kind": "X", "apiVersion": "v1"}))
    assert text == (
        "apiVersion: v1\nkind: X\nspec:\n  a: []\n  b:\n  - x:\n    - true\n    - null\n    z: 1\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "written"),
    [
        ("ec2:DescribeVpcs", "ec2:DescribeVpcs"),
        ("*", "'*'"),
        ("", '""'),
        ("true", '"true"'),
        ("yes", '"yes"'),
        ("1.0", '"1.0"'),
        ("0777", '"0777"'),
        ("12:30", '"12:30"'),
        ("2024-03-01", '"2024-03-01"'),
        ("2024-03-01T10:00:00Z", '"2024-03-01T10:00:00Z"'),
        ("2024-03", "2024-03"),
        ("null", '"null"'),
        ("<<", '"<<"'),
        (" padded ", "' padded '"),
        ("a: b", "'a: b'"),
        ("# no comment", "'# no comment'"),
        ("one\ntwo\n", "|\n  one\n  two"),
        ("one\ntwo", "|-\n  one\n  two"),
        (True, "true"),
        (17, "17"),
        (2.0, "2"),
        (1.5, "1.5"),
        (0.00001, "1e-05"),
        (1234567.5, "1.2345675e+06"),
        (1e100, "1e+100"),
    ],
)
def test_scalars_are_written_as_gos_encoder_does(data: Any, written: str) -> None:
    assert kube_yaml(value({"k": data})) == f"k: {written}\n"


def test_keys_sort_naturally_and_signs_come_before_letters() -> None:
    keys = ["b", "a10", "a2", "a", "a-b", "ab", "a.b", "B", "a02"]
    assert sort_keys(keys) == ["B", "a", "a-b", "a.b", "a2", "a02", "a10", "ab", "b"]


def test_every_shared_request_means_the_same_afterwards(shared: Path) -> None:
    found = 0
    for path in sorted((shared / "credrequests").rglob("*.yaml")):
        for document in documents(path.name, path.read_bytes()).documents:
            if document.root.data is not None:
                text = kube_yaml(document.root)
                (again,) = documents(path.name, text.encode()).documents
                assert bare(again.root) == bare(document.root), path
                assert kube_yaml(again.root) == text
                found += 1
    assert found > 300


_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")) | st.just("\n"), max_size=30)
_DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_TEXT.filter(lambda key: "\n" not in key), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(_DATA)
def test_whatever_is_written_is_read_again(data: Any) -> None:
    (read,) = documents("x", kube_yaml(value(data)).encode()).documents
    assert bare(read.root) == data
