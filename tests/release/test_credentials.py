"""Pull secrets: the most specific login of the first file that has one."""

from __future__ import annotations

import json
import traceback
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from ccoctl.errors import FileError
from ccoctl.release.credentials import Logins, default_files, load
from ccoctl.release.reference import Image, parse


def auth(user: str, password: str = "secret") -> dict[str, str]:
    return {"auth": b64encode(f"{user}:{password}".encode()).decode()}


def logins(tmp_path: Path, auths: dict[str, Any], **more: Any) -> Logins:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"auths": auths, **more}))
    return load([file], must_exist=True)


def user_for(found: Logins, reference: str) -> str:
    image = parse(reference)
    assert isinstance(image, Image)
    login = found.find(image)
    return login.user if login else ""


def test_the_most_specific_key_counts(tmp_path: Path) -> None:
    found = logins(
        tmp_path,
        {"quay.io": auth("host"), "quay.io/openshift": auth("org"), "quay.io/openshift/release": auth("repository")},
    )
    assert user_for(found, "quay.io/openshift/release:4.15") == "repository"
    assert user_for(found, "quay.io/openshift/other") == "org"
    assert user_for(found, "quay.io/openshiftish/release") == "host"
    assert user_for(found, "quay.io:443/openshift/release") == ""


@pytest.mark.parametrize(
    "key",
    ["https://index.docker.io/v1/", "index.docker.io", "docker.io", "docker.io/org", "https://registry-1.docker.io"],
)
def test_docker_hub_has_several_names(tmp_path: Path, key: str) -> None:
    assert user_for(logins(tmp_path, {key: auth("me")}), "org/release") == "me"


@pytest.mark.parametrize("key", ["https://mirror.local:5000", "http://mirror.local:5000/v2/", "mirror.local:5000/"])
def test_keys_that_are_urls_count_by_their_host(tmp_path: Path, key: str) -> None:
    assert user_for(logins(tmp_path, {key: auth("me")}), "mirror.local:5000/a/b") == "me"


def test_the_first_file_with_a_login_counts_and_missing_ones_do_not(tmp_path: Path) -> None:
    for name, auths in (("first", {"a.io": auth("first")}), ("second", {"a.io": auth("second"), "b.io": auth("b")})):
        (tmp_path / name).write_text(json.dumps({"auths": auths}))
    found = load([tmp_path / "none", tmp_path / "first", tmp_path / "second"], must_exist=False)
    assert (user_for(found, "a.io/x/y"), user_for(found, "b.io/x/y")) == ("first", "b")
    with pytest.raises(FileError, match="no such file"):
        load([tmp_path / "none"], must_exist=True)


def test_tokens_and_helpers_are_read_too(tmp_path: Path) -> None:
    found = logins(
        tmp_path,
        {
            "a.io": {"identitytoken": "refresh"},
            "b.io": {"registrytoken": "bearer"},
            "c.io": {},
            "d.io": auth("u", "p:q"),
        },
        credHelpers={"e.io": "ecr-login"},
        credsStore="desktop",
    )
    by_key = dict(found.by_file[0][1])
    assert by_key["a.io"].identity_token == "refresh"
    assert by_key["b.io"].registry_token == "bearer"
    assert "c.io" not in by_key
    assert by_key["d.io"].password == "p:q"
    assert found.helpers == ("ecr-login", "desktop")
    assert "refresh" not in repr(found)
    assert "p:q" not in repr(found)


def test_an_old_dockercfg_is_read(tmp_path: Path) -> None:
    (tmp_path / ".dockercfg").write_text(json.dumps({"https://quay.io": auth("me")}))
    assert user_for(load([tmp_path / ".dockercfg"], must_exist=True), "quay.io/a/b") == "me"


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", '"x"', '{"auths": []}',
        '{"auths": {"a": {"auth": "hunter2!"}}}', '{"auths": {"a": {"auth": "aHVudGVyMg=="}}}',
        '{"auths": {"a": {"auth": 17}}}', "\xff",
    ],
)  # fmt: skip
def test_a_damaged_file_is_named_and_its_secrets_are_not(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(FileError) as caught:
        load([file], must_exist=True)
    assert "config.json" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "aHVudGVy" not in str(caught.value)


@pytest.mark.parametrize("debris", ["{}\n", "{}\r", "x y\r{}", "{} x", "{}\u00e9"])
def test_a_token_that_no_header_can_hold_is_refused_and_not_quoted(tmp_path: Path, debris: str) -> None:
    token = debris.format("hunter2")
    with pytest.raises(FileError, match=r"token for 'a\.io' has a line end") as caught:
        logins(tmp_path, {"a.io": {"registrytoken": token}})
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_files_are_looked_for_where_oc_looks_and_in_its_order() -> None:
    home = Path("/home/me")
    environment = {"XDG_RUNTIME_DIR": "/run/user/7", "DOCKER_CONFIG": "/docker"}
    assert [str(path) for path in default_files(environment, home=home, uid=7)] == [
        "/run/user/7/containers/auth.json",
        "/run/containers/7/auth.json",
        "/home/me/.config/containers/auth.json",
        "/docker/config.json",
        "/home/me/.docker/config.json",
        "/home/me/.dockercfg",
    ]
    assert default_files({"REGISTRY_AUTH_FILE": "/x"}, home=home, uid=7) == (Path("/x"),)
