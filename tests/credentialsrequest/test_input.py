"""Reading CredentialsRequests: every problem of every file at once, with its place; what does not apply is counted."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ccoctl.credentialsrequest.load import load
from ccoctl.credentialsrequest.select import Selected, select
from ccoctl.errors import CcoctlError, FileError, Problems

REQUEST = """\
apiVersion: cloudcredential.openshift.io/v1
kind: CredentialsRequest
metadata: {name: one, namespace: openshift-cloud-credential-operator}
spec:
  secretRef: {namespace: ns, name: creds}
  serviceAccountNames: [controller]
  providerSpec:
    apiVersion: cloudcredential.openshift.io/v1
    kind: AWSProviderSpec
    statementEntries:
    - {effect: Allow, action: ["ec2:DescribeVpcs"], resource: "*"}
"""


def read(directory: Path, *, tech_preview: bool = False) -> Selected:
    return select(load(directory), enable_tech_preview=tech_preview)


def problems(directory: Path, text: str, name: str = "r.yaml") -> list[str]:
    """What is told of a text, with the directory left out of the places."""
    (directory / name).write_text(text)
    with pytest.raises(Problems) as raised:
        read(directory)
    return [str(problem).replace(f"{directory}{os.sep}", "") for problem in raised.value.problems]


def test_a_request_is_read(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(REQUEST)
    (one,) = read(tmp_path).requests

    assert str(one.secret) == "ns/creds"
    assert one.subjects == ("system:serviceaccount:ns:controller",)
    assert one.spec.statements[0].actions == ("ec2:DescribeVpcs",)
    assert one.token_path == "/var/run/secrets/openshift/serviceaccount/token"
    assert str(one.source) == f"{tmp_path / 'r.yaml'}:1: document 1"


def test_files_are_taken_in_the_order_of_their_paths(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("z.yml", "a.yaml", "below/m.json", "ignored.txt"):
        (tmp_path / name).write_text(REQUEST.replace("name: creds", f"name: {Path(name).stem}"))
    (tmp_path / "below/m.json").write_text(json.dumps(yaml.safe_load((tmp_path / "below/m.json").read_text())))

    assert [one.secret.name for one in read(tmp_path).requests] == ["a", "m", "z"]


def test_several_documents_lists_comments_and_anchors(tmp_path: Path) -> None:
    items = [yaml.safe_load(REQUEST.replace("name: creds", f"name: item-{number}")) for number in range(2)]
    text = f"# one\n---\n{REQUEST}---\n---\n" + yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items})
    anchored = REQUEST.replace("name: creds", "name: &x anchored").replace("name: one", "name: *x")
    (tmp_path / "many.yaml").write_text(text)
    (tmp_path / "more.yaml").write_text(anchored.replace("metadata: {name: *x,", "metadata: {name: other,"))

    assert [one.secret.name for one in read(tmp_path).requests] == ["creds", "item-0", "item-1", "anchored"]


def test_a_thousand_requests_may_stand_in_one_file(tmp_path: Path) -> None:
    """With thirty actions each they are as large as those of releases."""
    actions = ", ".join(f'"ec2:Describe{number}"' for number in range(30))
    text = REQUEST.replace('"ec2:DescribeVpcs"', actions)
    documents = (text.replace("name: creds", f"name: creds-{number}") for number in range(1000))
    (tmp_path / "all.yaml").write_text("---\n".join(documents))

    assert len(read(tmp_path).requests) == 1000


def test_every_problem_of_every_file_is_told_with_its_place(tmp_path: Path) -> None:
    bad = REQUEST.replace("effect: Allow", "effect: Perhaps").replace('resource: "*"', "resource: 7")
    (tmp_path / "a.yaml").write_text(f"---\n{REQUEST}---\n{bad}")
    told = problems(tmp_path, REQUEST.replace("statementEntries", "statementEntrie"), "b.yaml")

    places = [line.split(": spec.", 1)[0] for line in told]
    assert places[:2] == ["a.yaml:24: document 2", "a.yaml:24: document 2"]
    assert any(line.startswith("b.yaml:") and "statementEntries" in line for line in told)
    assert any("spec.providerSpec.statementEntries[0].effect" in line for line in told)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("namespace: ns", "namespace: Not_A_Name", "spec.secretRef.namespace"),
        ("secretRef: {namespace: ns, name: creds}", "secretRef: {namespace: ns}", "spec.secretRef"),
        ("[controller]", "[7]", "spec.serviceAccountNames[0]"),
        ("[controller]", "controller", "spec.serviceAccountNames"),
        ("[controller]", '["a:b"]', "spec.serviceAccountNames[0]"),
        ('["ec2:DescribeVpcs"]', "[]", "action"),
        ('["ec2:DescribeVpcs"]', '["nonsense"]', "action[0]"),
        ("[controller]", '[controller]\n  cloudTokenPath: "relative/token"', "spec.cloudTokenPath"),
        ("[controller]", '[controller]\n  cloudTokenPath: "/a\\nrole_arn = evil"', "spec.cloudTokenPath"),
        ("name: one,", "name: one, annotations: {release.openshift.io/delete: true},", "annotations"),
        ("effect: Allow", "effect: Allow, effect: Deny", "effect"),
    ],
)
def test_what_the_schema_refuses(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in REQUEST
    told = problems(tmp_path, REQUEST.replace(old, new))

    assert any(said in line for line in told), told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "not YAML"),
        ("\x00", "not YAML"),
        (
            "a: &a [x]\n"
            + "".join(f"b{n}: &b{n} [{', '.join(['*b' + str(n - 1) if n else '*a'] * 10)}]\n" for n in range(9)),
            "",
        ),
        ("[" * 2000, ""),
    ],
)
def test_files_that_are_made_to_hurt_are_refused(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in line for line in problems(tmp_path, text))


@pytest.mark.parametrize("loader", [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)])
@pytest.mark.parametrize("escape", ["U00110000", "Uffffffff", "ud800", "udc00\\ud800", "q"])
def test_escapes_of_no_character_are_refused_with_and_without_libyaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loader: type, escape: str
) -> None:
    monkeypatch.setattr("ccoctl.credentialsrequest.document._LOADER", loader)
    assert "not YAML" in problems(tmp_path, REQUEST.replace("[controller]", f'["\\{escape}"]'))[0]


def test_text_that_is_not_utf_8_and_files_too_long_are_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe4")
    (tmp_path / "long.yaml").write_bytes(b"#" * (4 * 1024 * 1024 + 1))

    with pytest.raises(Problems) as raised:
        load(tmp_path)
    assert len(raised.value.problems) == 2


def test_what_does_not_apply_is_counted_aloud(tmp_path: Path) -> None:
    preview = "metadata: {annotations: {release.openshift.io/feature-set: TechPreviewNoUpgrade},"
    (tmp_path / "a.yaml").write_text(REQUEST)
    (tmp_path / "b.yaml").write_text(REQUEST.replace("AWSProviderSpec", "AzureProviderSpec").replace("creds", "az"))
    (tmp_path / "c.yaml").write_text("kind: ConfigMap\napiVersion: v1\n")
    (tmp_path / "d.yaml").write_text(
        REQUEST.replace("metadata: {", 'metadata: {annotations: {release.openshift.io/delete: "true"},')
    )
    (tmp_path / "e.yaml").write_text(REQUEST.replace("metadata: {", preview).replace("creds", "preview"))

    assert len(read(tmp_path).requests) == 1
    assert len(read(tmp_path, tech_preview=True).requests) == 2
    assert read(tmp_path).summary() == (
        "skipped 1 document of another kind, 1 request for AzureProviderSpec, 1 marked for deletion, "
        "1 of a feature set that is not enabled (ns/preview)"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  secretRef:", '  "a\\nFORGED": x\n  secretRef:'),
        ("kind: AWSProviderSpec", 'kind: "awsproviderspec\\nFORGED"'),
        ("kind: CredentialsRequest", 'kind: "a\\nFORGED"'),
        ("cloudcredential.openshift.io/v1\nkind: C", '"cloudcredential.openshift.io/v2\\nFORGED"\nkind: C'),
        ("[controller]", '["a\\nFORGED"]'),
        ("[controller]", "!<a%0aFORGED> [controller]"),
        ("effect: Allow", '"a\\u2028FORGED": {b: [&a {c: *a}]}, effect: Allow'),
    ],
)
def test_no_text_of_a_file_begins_a_line_of_what_is_told(tmp_path: Path, old: str, new: str) -> None:
    assert old in REQUEST
    (tmp_path / "a\nFORGED.yaml").write_text(REQUEST.replace(old, new))
    (tmp_path / "b.yaml").write_text(REQUEST.replace("DescribeVpcs", "DescribeSubnets"))
    (tmp_path / "c\nFORGED.yaml").write_text(REQUEST)
    with pytest.raises(Problems) as raised:
        read(tmp_path)
    assert not any(line.startswith("FORGED") for line in str(raised.value).splitlines())


def test_a_name_that_only_looks_like_one_is_shown_as_what_it_is(tmp_path: Path) -> None:
    assert (
        r"'\u0441ontroller' is no name" in problems(tmp_path, REQUEST.replace("[controller]", "[\u0441ontroller]"))[0]
    )


@pytest.mark.parametrize(
    "many",
    [
        "\n".join(f"  key{number}: x" for number in range(5_000)),
        "\n".join("  same: x" for _ in range(5_000)),
        "  serviceAccountNames: [" + "7, " * 5_000 + "]",
    ],
    ids=["unknown members", "one key", "no names"],
)
def test_of_a_file_with_thousands_of_problems_a_hundred_are_told(tmp_path: Path, many: str) -> None:
    told = problems(tmp_path, f"{REQUEST.replace('  serviceAccountNames: [controller]', '')}{many}\n")

    assert len(told) == 101
    assert told[-1].endswith("there is more that is wrong; the first 100 problems are told")


def test_of_documents_without_end_no_more_are_read(tmp_path: Path) -> None:
    assert "the file has more than 10,000 documents" in problems(tmp_path, "--- {}\n" * 10_001)[0]


def test_a_problem_is_told_once(tmp_path: Path) -> None:
    told = problems(tmp_path, f"{REQUEST.partition('spec:')[0]}spec: text\n")
    assert told == ["r.yaml:4: document 1: spec: must be a mapping, not a string"]


def test_a_token_path_that_no_system_takes_is_refused(tmp_path: Path) -> None:
    path = "/" + "a" * 4096
    told = problems(tmp_path, REQUEST.replace("[controller]", f"[controller]\n  cloudTokenPath: {path}"))
    assert told[0].endswith("spec.cloudTokenPath: must have 4,096 characters at most")


def test_two_requests_for_one_secret_must_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(REQUEST)
    (tmp_path / "b.yaml").write_text(REQUEST)
    assert len(read(tmp_path).requests) == 1

    told = problems(tmp_path, REQUEST.replace("DescribeVpcs", "DescribeSubnets"), "b.yaml")
    assert "the Secret ns/creds is asked for by another request too" in told[0]


def test_a_directory_without_a_request_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problems, match="holds no CredentialsRequest for AWS"):
        read(tmp_path)
    with pytest.raises(FileError):
        load(tmp_path / "missing")


def test_a_request_without_service_accounts_is_refused(tmp_path: Path) -> None:
    assert "service account" in problems(tmp_path, REQUEST.replace("  serviceAccountNames: [controller]\n", ""))[0]


def test_the_real_requests_of_every_cloud_are_read(shared: Path) -> None:
    for directory in sorted((shared / "credrequests").glob("*/*")):
        if directory.is_dir():
            load(directory)


def test_the_examples_say_what_the_real_ones_say(root: Path, shared: Path) -> None:
    def facts(directory: Path) -> list[Any]:
        return [
            (
                Path(one.source.file).name,
                one.name,
                one.namespace,
                one.annotations,
                one.secret,
                one.service_accounts,
                one.spec,
            )
            for one in load(directory).requests
        ]

    assert facts(root / "examples/credentials-requests/okd-4.13") == facts(shared / "credrequests/4.13/aws")


names = st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9]", fullmatch=True)
requests = st.fixed_dictionaries(
    {
        "secretRef": st.fixed_dictionaries({"namespace": names, "name": names}),
        "serviceAccountNames": st.lists(names, min_size=1, max_size=3, unique=True),
        "providerSpec": st.fixed_dictionaries(
            {
                "apiVersion": st.just("cloudcredential.openshift.io/v1"),
                "kind": st.just("AWSProviderSpec"),
                "statementEntries": st.lists(
                    st.fixed_dictionaries(
                        {
                            "effect": st.sampled_from(["Allow", "Deny"]),
                            "action": st.lists(
                                st.from_regex(r"[a-z0-9]{2,8}:[A-Za-z]{1,12}\*?", fullmatch=True), min_size=1
                            ),
                            "resource": st.sampled_from(["*", "arn:aws:s3:::b/*"]),
                        }
                    ),
                    min_size=1,
                    max_size=3,
                ),
            }
        ),
    }
)


@settings(max_examples=40, deadline=None)
@given(requests)
def test_what_is_written_as_yaml_or_json_is_read_the_same(
    tmp_path_factory: pytest.TempPathFactory, spec: dict[str, Any]
) -> None:
    document = {
        "apiVersion": "cloudcredential.openshift.io/v1",
        "kind": "CredentialsRequest",
        "metadata": {"name": "one", "namespace": "other"},
        "spec": spec,
    }
    read_back = []
    for ending, text in (("yaml", yaml.safe_dump(document)), ("json", json.dumps(document, indent=1))):
        directory = tmp_path_factory.mktemp("r")
        (directory / f"r.{ending}").write_text(text)
        (one,) = read(directory).requests
        read_back.append((one.secret, one.service_accounts, one.spec))

    assert read_back[0] == read_back[1]
    assert [list(statement.actions) for statement in read_back[0][2].statements] == [
        entry["action"] for entry in spec["providerSpec"]["statementEntries"]
    ]


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: (REQUEST + text).encode())))
def test_whatever_a_file_holds_only_our_own_errors_come_of_it(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    directory = tmp_path_factory.mktemp("fuzz")
    (directory / "r.yaml").write_bytes(data)
    with suppress(CcoctlError):
        read(directory)
