"""install-config.yaml is edited to the byte: one member says Manual afterwards, and everything else is as it was."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.errors import Problems
from ccoctl.workflows.prepare_install_config import mode_of, with_manual

WHERE = "install-config.yaml"
INSTALLERS = """\
additionalTrustBundlePolicy: Proxyonly
apiVersion: v1 # the only one
baseDomain: example.com
compute:
- architecture: amd64
  name: worker   # three of them
  replicas: 3
metadata:
  creationTimestamp: null
  name: 'test'
# AWS, of course
platform:
  aws:
    region: us-east-1
pullSecret: '{"auths": {"quay.io": {"auth": "secret"}}}'
sshKey: |
  ssh-ed25519 AAAA
"""


def edited(text: str) -> str:
    return with_manual(text.encode(), where=WHERE).decode()


def test_what_is_missing_becomes_a_line_below_the_api_version() -> None:
    line = "apiVersion: v1 # the only one\n"

    assert edited(INSTALLERS) == INSTALLERS.replace(line, f"{line}credentialsMode: Manual\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("credentialsMode: Mint\n", "credentialsMode: Manual\n"),
        ("credentialsMode: Mint", "credentialsMode: Manual"),
        ("credentialsMode:    'Mint'  # why\nb: 1\n", "credentialsMode:    'Manual'  # why\nb: 1\n"),
        ('a: 1\r\n"credentialsMode": "Passthrough"\r\n', 'a: 1\r\n"credentialsMode": "Manual"\r\n'),
        ("credentialsMode:\nb: 1\n", "credentialsMode: Manual\nb: 1\n"),
        ("credentialsMode: # to be said\nb: 1\n", "credentialsMode: Manual # to be said\nb: 1\n"),
        ("credentialsMode: ~\n", "credentialsMode: Manual\n"),
        ('credentialsMode: ""\n', 'credentialsMode: "Manual"\n'),
        (
            "credentialsMode: Mint\nb: {credentialsMode: Mint}\n",
            "credentialsMode: Manual\nb: {credentialsMode: Mint}\n",
        ),
        ("a: 1\r\nb: 2\r\n", "a: 1\r\ncredentialsMode: Manual\r\nb: 2\r\n"),
        ("a: 1", "a: 1\ncredentialsMode: Manual"),
        ("---\n# first\n  a: 1\n  b: 2\n...\n", "---\n# first\n  a: 1\n  credentialsMode: Manual\n  b: 2\n...\n"),
        ("# top\na:\n- 1\n", "# top\ncredentialsMode: Manual\na:\n- 1\n"),
        ("a: one\n  two\nb: |\n  x\nc: 1\n", "a: one\n  two\nb: |\n  x\nc: 1\ncredentialsMode: Manual\n"),
        ('{"a": 1}', '{"credentialsMode": "Manual", "a": 1}'),
        ("{}", '{"credentialsMode": "Manual"}'),
        ("\ufeffa: ü\nb: 🐘\n", "\ufeffa: ü\ncredentialsMode: Manual\nb: 🐘\n"),
        ("? credentialsMode\n: Mint\n", "? credentialsMode\n: Manual\n"),
        ("base: &b\n  credentialsMode: Mint\n<<: *b\nz: 1\n", None),
    ],
)
def test_it_is_edited_where_it_stands(before: str, after: str | None) -> None:
    made = edited(before)

    assert after is None or made == after
    assert mode_of(made.encode(), where=WHERE).value == "Manual"


def test_what_says_manual_already_is_not_touched() -> None:
    text = "a: 1\ncredentialsMode:   Manual   # as it must be\n"

    assert edited(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "credentialsMode: &mode Mint\nother: *mode\n",
        "other: &mode Mint\ncredentialsMode: *mode\n",
        "credentialsMode: !!str Mint\n",
        "credentialsMode: |\n  Mint\n",
        "? credentialsMode\nb: 1\n",
        "&a {b: 1}\n",
        "a\t: 1\n",
    ],
)
def test_where_that_would_touch_more_it_is_left_to_its_owner(text: str) -> None:
    with pytest.raises(Problems, match="write `credentialsMode: Manual` yourself"):
        edited(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 YAML documents"),
        ("a: 1\n---\nb: 2\n", "2 YAML documents"),
        ("- a\n", "must hold a mapping"),
        ("a: [\n", "this is not YAML"),
        ("a: 1\na: 2\n", "stands here twice"),
        ("credentialsMode: [Manual]\n", "credentialsMode must be a string"),
        ("credentialsMode: 5\n", "credentialsMode must be a string"),
        ("[" * 100_000, "nested more than"),
    ],
)
def test_what_is_no_install_config_is_refused(text: str, said: str) -> None:
    with pytest.raises(Problems, match=said):
        edited(text)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(Problems, match="not UTF-8"):
        with_manual(b"a: \xff\n", where=WHERE)


KEYS = st.text(alphabet="abcXYZ-_.", min_size=1, max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
CONFIGS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=6)
MODES = st.sampled_from(["Mint", "Passthrough", "", None, "Manual"])


@given(CONFIGS, MODES, st.booleans(), st.booleans(), st.sampled_from([None, '"', "'"]), st.sampled_from(["\n", "\r\n"]))
def test_every_other_byte_stays(
    config: dict[str, Any], mode: str | None, is_there: bool, is_flow: bool, style: str | None, newline: str
) -> None:
    """A line is added, or a value replaced: what is before and behind it is what it was."""
    if is_there:
        config = {**config, "credentialsMode": mode}
    before = yaml.safe_dump(
        config, default_flow_style=is_flow, default_style=style, allow_unicode=True, sort_keys=False, line_break=newline
    )
    with suppress(Problems):
        mode_of(before.encode(), where=WHERE)
        after = edited(before)
        read = yaml.safe_load(after)
        assert read.pop("credentialsMode") == "Manual"
        assert read == {key: value for key, value in yaml.safe_load(before).items() if key != "credentialsMode"}
        front = common(before, after)
        back = common(before[front:][::-1], after[front:][::-1])
        assert "Manual" in after or before == after
        assert len(after) - front - back <= len('"credentialsMode": "Manual", ') + 2


def common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    length = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        length += 1
    return length


@given(CONFIGS)
def test_json_is_edited_as_well(config: dict[str, Any]) -> None:
    config.pop("credentialsMode", None)
    with suppress(Problems):
        assert json.loads(edited(json.dumps(config, ensure_ascii=False))) == {"credentialsMode": "Manual", **config}


@given(st.text(alphabet="credentialsMode: Mint\n#'\"{}[],&*!|>-?~\t\r", max_size=60))
def test_no_text_ends_in_another_error(text: str) -> None:
    with suppress(Problems):
        assert mode_of(with_manual(text.encode(), where=WHERE), where=WHERE).value == "Manual"
