"""Against a real registry: Debian's docker-registry, with every way to log in that it knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ccoctl.errors import ErrorKind, ImageError
from ccoctl.release.wire import Trust
from ccoctl.workflows.release_image import Access, read_payload, requests_in
from tests.federation.servers import certificates
from tests.release.images import build, index, payload_layer, request, tar
from tests.release.registries import Registry, basic, registry, write_logins
from tests.release.tokenserver import TokenServer

METADATA = json.dumps({"kind": "cincinnati-metadata-v0", "version": "4.15.3"}).encode()
FILES = {"release-metadata": METADATA, "a.yaml": request("a"), "b.yaml": request("b", kind="GCPProviderSpec")}
RELEASE = build(tar({"usr/bin/x": b"x" * 100_000}), payload_layer(FILES), labels={"io.openshift.release": "4.15.3"})
PLAIN_HTTP = Trust(insecure=True)
HTPASSWD = "me:$2y$04$IeBnKwQ9Ev0hidxmmUEfbe46P7mHlcm1ktZWv8ltEUD186kQdKfTq"
"""`htpasswd -nbBC 4 me pa:ss`."""


def access(
    *, trust: Trust = PLAIN_HTTP, logins: Path | None = None, mirrors: Path | None = None, arch: str = ""
) -> Access:
    return Access(
        registry_config=logins,
        mirror_files=(mirrors,) if mirrors else (),
        trust=trust,
        arch=arch,
        environment={"REGISTRY_AUTH_FILE": "/nonexistent"} if logins else {"HOME": "/nonexistent"},
    )


def quiet(sentence: str) -> None:
    del sentence


@pytest.fixture(scope="module")
def open_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One without logins, over plain HTTP."""
    with registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.mark.parametrize("docker", [False, True])
def test_a_release_is_pulled_by_its_tag_and_by_its_digest(open_registry: Registry, docker: bool) -> None:
    image = build(payload_layer(FILES), docker=docker)
    name = open_registry.push("openshift/release", f"tag-{docker}", image)
    by_tag = read_payload(name, access(), tell=quiet)
    by_digest = read_payload(f"{name.rpartition(':')[0]}@{image.digest}", access(), tell=quiet)
    assert by_tag.files == by_digest.files == FILES
    assert by_tag.digest == by_digest.digest == image.digest
    assert by_tag.version == "4.15.3"


@pytest.mark.parametrize("docker", [False, True])
def test_one_of_several_architectures_is_pulled(open_registry: Registry, docker: bool) -> None:
    images = {
        f"linux/{arch}": build(payload_layer({"a.yaml": request(arch)}), docker=docker) for arch in ("amd64", "arm64")
    }
    name = open_registry.push("openshift/multi", f"tag-{docker}", index(images, docker=docker))
    assert read_payload(name, access(arch="arm64"), tell=quiet).files["a.yaml"] == request("arm64")
    with pytest.raises(ImageError, match="not there for s390x"):
        read_payload(name, access(arch="s390x"), tell=quiet)


def test_layers_below_the_release_are_not_pulled(open_registry: Registry) -> None:
    name = open_registry.push("openshift/release", "labelled", RELEASE)
    assert read_payload(name, access(), tell=quiet).layers_read == 1


def test_what_is_not_there_is_said_to_be_missing(open_registry: Registry) -> None:
    with pytest.raises(ImageError, match="no such image") as caught:
        read_payload(f"{open_registry.host}/nobody/nothing:1", access(), tell=quiet)
    assert caught.value.kind is ErrorKind.MISSING
    assert f"{open_registry.host}/nobody/nothing:1" in str(caught.value)


def test_plain_http_is_for_those_who_allow_it(open_registry: Registry) -> None:
    name = open_registry.push("openshift/release", "plain", RELEASE)
    with pytest.raises(ImageError, match="does not speak TLS") as caught:
        read_payload(name, access(trust=Trust()), tell=quiet)
    assert "--insecure" in caught.value.remedy


def test_the_requests_of_an_image_are_those_of_its_files(open_registry: Registry) -> None:
    name = open_registry.push("openshift/release", "requests", RELEASE)
    loaded = requests_in(name, access(), tell=quiet)
    assert [one.name for one in loaded.requests] == ["a"]
    assert loaded.requests[0].source.file == f"{name}: a.yaml"
    assert [one.name for one in loaded.skipped] == ["GCPProviderSpec"]


def test_a_mirror_comes_before_its_source_and_the_source_after_a_mirror_without_it(
    open_registry: Registry, tmp_path: Path
) -> None:
    told: list[str] = []
    pushed = open_registry.push("mirror/release", "4.15", RELEASE)
    policy = tmp_path / "idms.yaml"
    rules = [
        {
            "source": "quay.io/openshift-release-dev/ocp-release",
            "mirrors": [f"{open_registry.host}/empty/release", f"{open_registry.host}/mirror/release"],
        },
        {"source": f"{open_registry.host}/mirror", "mirrors": [f"{open_registry.host}/nowhere"]},
    ]
    document = {
        "apiVersion": "config.openshift.io/v1",
        "kind": "ImageDigestMirrorSet",
        "metadata": {"name": "m"},
        "spec": {"imageDigestMirrors": rules},
    }
    policy.write_text(yaml.safe_dump(document))
    image = f"quay.io/openshift-release-dev/ocp-release@{RELEASE.digest}"
    found = read_payload(image, access(mirrors=policy), tell=told.append)
    assert found.files["a.yaml"] == FILES["a.yaml"]
    assert found.where == f"{open_registry.host}/mirror/release@{RELEASE.digest}"
    assert len(told) == 1
    assert "/empty/release" in told[0]
    assert read_payload(pushed, access(mirrors=policy), tell=told.append).where == pushed


def test_an_image_that_is_in_no_mirror_names_all_the_places(open_registry: Registry, tmp_path: Path) -> None:
    policy = tmp_path / "idms.yaml"
    rule = {
        "source": "quay.io/a",
        "mirrors": [f"{open_registry.host}/one", f"{open_registry.host}/two"],
        "mirrorSourcePolicy": "NeverContactSource",
    }
    document = {
        "apiVersion": "config.openshift.io/v1",
        "kind": "ImageDigestMirrorSet",
        "spec": {"imageDigestMirrors": [rule]},
    }
    policy.write_text(yaml.safe_dump(document))
    with pytest.raises(ImageError, match="none of 2 places") as caught:
        read_payload("quay.io/a/b:1", access(mirrors=policy), tell=quiet)
    assert f"{open_registry.host}/one/b:1" in str(caught.value)
    assert f"{open_registry.host}/two/b:1" in str(caught.value)


@pytest.fixture(scope="module")
def locked_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One that asks for a login of htpasswd's."""
    folder = tmp_path_factory.mktemp("locked")
    (folder / "htpasswd").write_text(f"{HTPASSWD}\n")
    with registry(folder, auth={"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}) as running:
        running.headers = basic("me", "pa:ss")
        yield running


def test_a_login_opens_a_registry_by_the_most_specific_key(locked_registry: Registry, tmp_path: Path) -> None:
    name = locked_registry.push("openshift/release", "4.15", RELEASE)
    host = locked_registry.host
    good = write_logins(tmp_path / "good.json", {host: "me:wrong", f"{host}/openshift": "me:pa:ss"})
    assert read_payload(name, access(logins=good), tell=quiet).files["a.yaml"] == FILES["a.yaml"]


@pytest.mark.parametrize("login", [None, "me:wrong"])
def test_without_its_login_a_registry_refuses_and_no_password_is_told(
    locked_registry: Registry, tmp_path: Path, login: str | None
) -> None:
    name = locked_registry.push("openshift/release", "4.15", RELEASE)
    logins = write_logins(tmp_path / "logins.json", {locked_registry.host: login} if login else {})
    with pytest.raises(ImageError) as caught:
        read_payload(name, access(logins=logins), tell=quiet)
    assert caught.value.kind is ErrorKind.DENIED
    assert "--registry-config" in caught.value.remedy
    assert "wrong" not in str(caught.value)


def test_logins_that_a_helper_keeps_are_told_of(locked_registry: Registry, tmp_path: Path) -> None:
    logins = tmp_path / "config.json"
    logins.write_text('{"credsStore": "desktop"}')
    with pytest.raises(ImageError) as caught:
        read_payload(f"{locked_registry.host}/openshift/release:4.15", access(logins=logins), tell=quiet)
    assert "docker-credential-desktop" in caught.value.remedy


def test_a_registry_of_ones_own_authority_is_trusted_when_it_is_named(tmp_path: Path) -> None:
    made = certificates(tmp_path)
    with registry(tmp_path, chain=made.chain, authorities=made.bundle) as running:
        name = running.push("openshift/release", "4.15", RELEASE)
        named = access(trust=Trust(authorities=made.bundle))
        assert read_payload(name, named, tell=quiet).digest == RELEASE.digest
        assert read_payload(name, access(trust=Trust(insecure=True)), tell=quiet).digest == RELEASE.digest
        with pytest.raises(ImageError, match="certificate is not trusted") as caught:
            read_payload(name, access(trust=Trust()), tell=quiet)
        assert "--certificate-authority" in caught.value.remedy


def test_a_file_that_holds_no_authorities_is_named(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("nothing")
    for file in ("none.pem", "missing.pem"):
        with pytest.raises(ImageError, match="no file of certificate authorities"):
            read_payload("quay.io/a/b:1", access(trust=Trust(authorities=tmp_path / file)), tell=quiet)


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenServer]:
    server = TokenServer(tmp_path)
    yield server
    server.close()


@pytest.fixture
def token_registry(tmp_path: Path, tokens: TokenServer) -> Iterator[Registry]:
    """One that takes the tokens of another server."""
    auth = {
        "realm": tokens.realm,
        "service": "registry",
        "issuer": "issuer",
        "rootcertbundle": str(tokens.bundle),
    }
    with registry(tmp_path, auth={"token": auth}) as running:
        push = tokens.token("repository:openshift/release:pull,push", ["pull", "push"])
        running.headers = {"Authorization": f"Bearer {push}"}
        running.push("openshift/release", "4.15", RELEASE)
        yield running


@pytest.mark.parametrize("login", [None, "me:secret"])
def test_a_token_server_is_asked_once_and_for_no_more_than_reading(
    token_registry: Registry, tokens: TokenServer, tmp_path: Path, login: str | None
) -> None:
    logins = write_logins(tmp_path / "logins.json", {token_registry.host: login} if login else {})
    name = f"{token_registry.host}/openshift/release:4.15"
    assert read_payload(name, access(logins=logins), tell=quiet).files["a.yaml"] == FILES["a.yaml"]
    assert [form["scope"] for form in tokens.asked] == [["repository:openshift/release:pull"]]
    assert tokens.asked[0]["service"] == ["registry"]
    assert tokens.logins == [basic("me", "secret")["Authorization"] if login else ""]


def test_an_identity_token_is_exchanged(token_registry: Registry, tokens: TokenServer, tmp_path: Path) -> None:
    logins = tmp_path / "logins.json"
    logins.write_text(json.dumps({"auths": {token_registry.host: {"identitytoken": "refresh-me"}}}))
    name = f"{token_registry.host}/openshift/release:4.15"
    assert read_payload(name, access(logins=logins), tell=quiet).digest == RELEASE.digest
    assert tokens.asked[0]["grant_type"] == ["refresh_token"]
    assert tokens.asked[0]["refresh_token"] == ["refresh-me"]


def test_a_token_server_that_refuses_is_named(token_registry: Registry, tokens: TokenServer, tmp_path: Path) -> None:
    tokens.refuses = True
    logins = write_logins(tmp_path / "logins.json", {token_registry.host: "me:hunter2"})
    with pytest.raises(ImageError, match="refuses the login") as caught:
        read_payload(f"{token_registry.host}/openshift/release:4.15", access(logins=logins), tell=quiet)
    assert caught.value.kind is ErrorKind.DENIED
    assert "hunter2" not in str(caught.value)
