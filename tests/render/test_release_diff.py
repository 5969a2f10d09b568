"""A comparison of two releases as text, Markdown and JSON."""

from __future__ import annotations

from ccoctl.credentialsrequest.diff import Change, Grant, Moved, ReleaseDiff, RequestDiff
from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.render.release_diff import diff_json, diff_markdown, diff_text

ONE = RequestDiff(
    secret=SecretRef(namespace="openshift-ingress", name="cloud"),
    name="ingress",
    change=Change.CHANGED,
    gained=(Grant(effect="Allow", resource="*", actions=("sts:AssumeRole",), condition='{"Bool": {"a": "`|`"}}'),),
    lost=(),
    actions=Moved(gained=("sts:AssumeRole",)),
    resources=Moved(),
    conditions=Moved(gained=('{"Bool": {"a": "`|`"}}',)),
    service_accounts=Moved(gained=("new",), lost=("old", "older")),
    settings={"token path": ("/a", "/b")},
)
DIFF = ReleaseDiff(
    before="4_13",
    after="4.14",
    requests=(ONE,),
    unchanged=(SecretRef(namespace="a", name="b"),),
    deleted=("gone",),
)
SAME = ReleaseDiff(before="a", after="b", requests=(), unchanged=(SecretRef(namespace="a", name="b"),), deleted=())


def test_the_table_counts_and_the_details_say() -> None:
    lines = diff_text(DIFF).splitlines()

    assert lines[:2] == [
        "SECRET                   CHANGE   ACTIONS  RESOURCES  CONDITIONS  SERVICE ACCOUNTS",
        "openshift-ingress/cloud  changed  +1       =          +1          +1 -2",
    ]
    assert "openshift-ingress/cloud (changed, request ingress)" in lines
    assert '  + Allow sts:AssumeRole on * where {"Bool": {"a": "`|`"}}' in lines
    assert "  - service account older" in lines
    assert "  ~ token path: /a -> /b" in lines
    assert lines[-2:] == ["1 request is the same.", "Marked for deletion in 4.14: gone."]


def test_releases_that_ask_for_the_same_say_so_in_a_line() -> None:
    assert diff_text(SAME) == "No request differs; 1 request is the same."
    assert "| Secret" not in diff_markdown(SAME)


def test_markdown_keeps_its_own_signs_out_of_the_content() -> None:
    lines = diff_markdown(DIFF).splitlines()

    assert lines[0] == "## CredentialsRequests: 4\\_13 → 4.14"
    assert "| openshift-ingress/cloud | changed | +1 | = | +1 | +1 -2 |" in lines
    assert '- `` + Allow sts:AssumeRole on * where {"Bool": {"a": "`|`"}} ``' in lines


def test_json_holds_all_of_it() -> None:
    told = diff_json(DIFF)

    assert (told["from"], told["to"], told["differs"]) == ("4_13", "4.14", True)
    assert told["unchanged"] == [{"namespace": "a", "name": "b"}]
    assert told["marked_for_deletion"] == ["gone"]
    (one,) = told["requests"]
    assert one["permissions"]["gained"][0]["actions"] == ["sts:AssumeRole"]
    assert one["service_accounts"] == {"gained": ["new"], "lost": ["old", "older"]}
    assert one["settings"] == {"token_path": {"from": "/a", "to": "/b"}}
