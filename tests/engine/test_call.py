"""Calls as data: what is worked out late, and its placeholders."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.engine.call import JsonText, Output, Template, at_path, outputs, resolve, text, with_placeholders
from ccoctl.errors import CcoctlError

HOST = Output(step="front", path="Host", placeholder="<host>")
LIST = Output(step="tls", path="Prints", placeholder=("<print>",))

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def test_placeholders_stand_where_nothing_is_known() -> None:
    value = {"Url": Template(("https://", HOST), "<url>"), "Key": text(HOST, ":sub"), "Prints": LIST}

    assert with_placeholders(value) == {"Url": "<url>", "Key": "<host>:sub", "Prints": ["<print>"]}


def test_outputs_are_found_wherever_they_stand_even_in_keys() -> None:
    value = {"Doc": JsonText({text(HOST, ":sub"): [LIST]}), "More": (HOST,)}

    assert outputs(value) == (HOST, LIST)


def test_documents_are_written_without_white_space_or_indented() -> None:
    assert resolve(JsonText({"a": [HOST]}), lambda output: output.step) == '{"a":["front"]}'
    assert resolve(JsonText({"a": 1}, indent=4), lambda output: output.step) == '{\n    "a": 1\n}'


def test_a_text_that_lacks_a_part_is_an_error() -> None:
    with pytest.raises(CcoctlError, match="the answer of front has no Host"):
        resolve(text("https://", HOST), lambda _output: None)


def test_text_that_is_known_is_plain() -> None:
    assert text("a", "b") == "ab"


def test_a_path_that_is_not_there_is_none() -> None:
    assert at_path({"A": {"B": 1}}, "A.B") == 1
    assert at_path({"A": 1}, "A.B.C") is None


@given(plain)
def test_a_plain_value_resolves_to_itself_less_empty_members(value: object) -> None:
    def without_none(item: object) -> object:
        if isinstance(item, dict):
            return {key: without_none(part) for key, part in item.items() if part is not None}
        return [without_none(part) for part in item] if isinstance(item, list) else item

    assert resolve(value, lambda output: output) == without_none(value)
    assert with_placeholders(value) == value
    assert json.loads(str(resolve(JsonText({"v": 1, "w": [value]}), lambda output: output)))["v"] == 1
