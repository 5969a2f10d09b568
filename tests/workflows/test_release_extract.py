"""`ccoctl release extract`, and `--release-image` in place of a directory of requests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from ccoctl.cli.main import run
from ccoctl.cli.release.extract import CLOUDS
from ccoctl.lab.server import EmbeddedAws
from ccoctl.release.inclusion import KINDS
from ccoctl.workflows.release_extract import ExtractOrder, release_extract
from ccoctl.workflows.release_image import Access
from tests.release.images import (
    Built,
    build,
    index,
    payload_layer,
    request,
    requests_of,
    tar,
    write_archive,
    write_layout,
)
from tests.release.registries import Registry, registry, write_logins
from tests.workflows.commands import Cli, Done, changing, client, inventory

METADATA = json.dumps({"kind": "cincinnati-metadata-v0", "version": "4.15.3"}).encode()
FILES = {
    "release-metadata": METADATA,
    "0000_50_one.yaml": request("one", profile="true", capability="CloudCredential"),
    "0000_50_preview.yaml": request("preview", profile="true", feature_set="TechPreviewNoUpgrade"),
    "0000_50_gcp.yaml": request("gcp", kind="GCPProviderSpec", profile="true"),
    "0000_60_registry.yaml": request("registry", profile="true", capability="ImageRegistry+CloudCredential"),
    "0000_90_hosted.yaml": request("hosted", hosted="true"),
}
RELEASE = build(tar({"base": b"base"}), payload_layer(FILES), labels={"io.openshift.release": "4.15.3"})

Run = Callable[..., Done]


@pytest.fixture
def ccoctl(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `ccoctl release extract --credentials-requests …` without anybody's logins."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def extract(*arguments: str | Path, code: int = 0) -> Done:
        capsys.readouterr()
        ended = run(["release", "extract", "--credentials-requests", *map(str, arguments)])
        told = capsys.readouterr()
        assert ended == code, told.out + told.err
        return Done(ended, told.out, told.err)

    return extract


@pytest.fixture
def image(tmp_path: Path) -> str:
    return f"oci:{write_layout(tmp_path / 'layout', {'4.15': RELEASE})}"


def files(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()} if directory.exists() else set()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry")) as served:
        yield served


@pytest.mark.parametrize("release", ["4.12", "4.15", "4.18"])
def test_of_a_whole_release_in_a_registry_aws_gets_exactly_its_files(
    ccoctl: Run, running: Registry, shared: Path, tmp_path: Path, release: str
) -> None:
    folder = shared / "credrequests" / release
    payload = payload_layer({"release-metadata": METADATA, "image-references": b"{}", **requests_of(folder)})
    images = {f"linux/{arch}": build(tar({"base": arch.encode()}), payload) for arch in ("amd64", "arm64")}
    name = running.push("openshift/release", release, index(images))
    ccoctl("--cloud", "aws", "--to", tmp_path / "out", "--insecure", name)
    wanted = {path.name: list(yaml.safe_load_all(path.read_bytes())) for path in (folder / "aws").iterdir()}
    found = {path.name: list(yaml.safe_load_all(path.read_bytes())) for path in (tmp_path / "out").iterdir()}
    assert found == wanted


def test_it_tells_the_release_its_digest_and_the_files(ccoctl: Run, image: str, tmp_path: Path) -> None:
    done = ccoctl("--cloud=aws", "--to", tmp_path / "out", image)
    assert done.out.startswith(f"4.15.3, {RELEASE.digest}, made 2024-03-01T10:00:00Z\n")
    assert f"{tmp_path}/out/0000_50_one.yaml  created" in done.out
    assert "left out: 1 for another cloud" in done.err
    text = (tmp_path / "out/0000_50_one.yaml").read_text()
    assert text.startswith("---\napiVersion: cloudcredential.openshift.io/v1\nkind: CredentialsRequest\nmetadata:\n")


def test_it_tells_a_script_the_same(ccoctl: Run, image: str, tmp_path: Path) -> None:
    told = ccoctl("--cloud=aws", "--to", tmp_path / "out", "--output=json", image).json
    assert (told["version"], told["digest"], told["requests"]) == ("4.15.3", RELEASE.digest, 4)
    assert {Path(file["path"]).name for file in told["files"]} == files(tmp_path / "out")
    assert told["left_out"] == [{"reason": "for another cloud", "count": 1}]


def test_an_image_may_be_an_archive_and_be_named_with_from(ccoctl: Run, image: str, tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "release.tar", Path(image.removeprefix("oci:")))
    ccoctl("--to", tmp_path / "out", "--from", f"oci-archive:{archive}:4.15")
    assert files(tmp_path / "out") == {name for name in FILES if name.endswith(".yaml")}


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({}, {"0000_50_one.yaml", "0000_60_registry.yaml"}),
        ({"featureSet": "TechPreviewNoUpgrade"}, {"0000_50_one.yaml", "0000_50_preview.yaml", "0000_60_registry.yaml"}),
        (
            {"capabilities": {"baselineCapabilitySet": "None", "additionalEnabledCapabilities": ["CloudCredential"]}},
            {"0000_50_one.yaml"},
        ),
    ],
)
def test_an_install_config_leaves_out_what_its_cluster_will_not_get(
    ccoctl: Run, image: str, tmp_path: Path, config: dict[str, object], wanted: set[str]
) -> None:
    file = tmp_path / "install-config.yaml"
    file.write_text(yaml.safe_dump({"apiVersion": "v1", "platform": {"aws": {"region": "us-east-1"}}, **config}))
    ccoctl("--included", "--install-config", file, "--to", tmp_path / "out", image)
    assert files(tmp_path / "out") == wanted


def test_an_install_config_of_another_cloud_contradicts(ccoctl: Run, image: str, tmp_path: Path) -> None:
    file = tmp_path / "install-config.yaml"
    file.write_text("apiVersion: v1\nplatform: {gcp: {}}\n")
    done = ccoctl("--included", "--install-config", file, "--cloud=aws", "--to", tmp_path / "out", image, code=2)
    assert "--cloud says aws" in done.err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--included"], "go together"),
        (["--install-config", "x"], "go together"),
        ([], "Name one image"),
        (["a/b", "--from", "c/d"], "Name one image"),
        (["--cloud", "clouds"], "is not one of"),
        (["UPPER/x y"], "names no image"),
        (["--icsp-file", "a", "--idms-file", "b", "a/b"], "exclude each other"),
    ],
)
def test_options_that_contradict_each_other_are_a_matter_of_usage(ccoctl: Run, arguments: list[str], why: str) -> None:
    assert why in ccoctl(*arguments, code=2).err


def test_nothing_else_of_a_release_is_extracted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["release", "extract", "quay.io/a/b:1"]) == 2
    assert "--credentials-requests" in capsys.readouterr().err


def test_it_may_be_run_again_and_tells_what_it_found(ccoctl: Run, image: str, tmp_path: Path) -> None:
    ccoctl("--to", tmp_path, image)
    assert "0000_50_one.yaml  unchanged" in ccoctl("--to", tmp_path, image).out


def test_files_of_other_content_are_in_the_way_of_all(ccoctl: Run, image: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "0000_60_registry.yaml").write_text("mine\n")
    (out / "0000_50_gcp.yaml").mkdir()
    done = ccoctl("--to", out, image, code=1)
    assert "0000_60_registry.yaml: is there already with other content" in done.err
    assert "0000_50_gcp.yaml" in done.err
    assert files(out) == {"0000_60_registry.yaml", "0000_50_gcp.yaml"}
    assert (out / "0000_60_registry.yaml").read_text() == "mine\n"


def test_requests_of_an_older_release_beside_the_new_ones_are_told_of(ccoctl: Run, image: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "0000_10_old.yaml").write_bytes(request("old"))
    assert "0000_10_old.yaml" in ccoctl("--to", out, image).err


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (build(tar({"bin/sh": b"x"})), "no release image"),
        (build(payload_layer({"a.yaml": request("a", kind="GCPProviderSpec")})), "Left out were: 1 for another cloud"),
        (build(payload_layer({"a.yaml": request("a") + b"\n---\na: ["})), "not YAML"),
        (build(tar({"release-manifests/../../evil.yaml": request("a")})), "leads out of it"),
    ],
)
def test_an_image_without_what_was_asked_for_writes_nothing(ccoctl: Run, tmp_path: Path, made: Built, why: str) -> None:
    place = write_layout(tmp_path / "layout", {"": made})
    assert why in ccoctl("--cloud=aws", "--to", tmp_path / "out", f"oci:{place}", code=1).err
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "evil.yaml").exists()


def test_logins_are_found_where_podman_keeps_them(
    ccoctl: Run, running: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = running.push("openshift/release", "4.15", RELEASE)
    runtime = tmp_path / "runtime"
    (runtime / "containers").mkdir(parents=True)
    write_logins(runtime / "containers/auth.json", {running.host: "me:hunter2"})
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    ccoctl("--to", tmp_path / "out", "--insecure", name)
    (runtime / "containers/auth.json").write_text("{")
    done = ccoctl("--to", tmp_path / "out", "--insecure", name, code=1)
    assert "auth.json: This is no file of registry logins" in done.err


def test_killed_anywhere_no_file_is_there_in_part_and_the_next_run_ends_it(
    image: str, tmp_path: Path, crash: Callable[[Callable[[], object], int], bool]
) -> None:
    out = tmp_path / "out"
    order = ExtractOrder(image=image, directory=out, cloud="aws", access=Access(environment={"HOME": str(tmp_path)}))
    whole = ExtractOrder(image=image, directory=tmp_path / "whole", cloud="aws", access=order.access)
    release_extract(whole, tell=print)
    expected = {path.name: path.read_bytes() for path in whole.directory.iterdir()}
    for number in range(1000):
        shutil.rmtree(out, ignore_errors=True)
        ended = crash(lambda: release_extract(order, tell=print), number)
        found = {path.name: path.read_bytes() for path in out.glob("*.yaml")}
        assert found.items() <= expected.items()
        release_extract(order, tell=print)
        assert {path.name: path.read_bytes() for path in out.iterdir()} == expected
        if ended:
            assert number > len(expected)
            return
    pytest.fail("it never came to its end")


def test_the_command_knows_the_clouds_that_the_release_knows() -> None:
    assert set(CLOUDS) == set(KINDS)


OPTIONS = ("--name", "demo", "--region", "us-east-1")


def test_a_set_up_is_made_of_a_release_image(
    cli: Cli, embedded_aws: EmbeddedAws, image: str, key_pair: Path, tmp_path: Path
) -> None:
    common = [*OPTIONS, "--output-dir", str(tmp_path / "out"), "--release-image", f"{image}:4.15"]
    common += ["--public-key-file", str(key_pair / "serviceaccount-signer.public")]
    done = cli("create-all", *common, "--output", "json")
    roles = sorted(role["arn"].rpartition("/")[2] for role in done.json["roles"])
    assert len(roles) == 3
    assert inventory(embedded_aws)["roles"] == roles
    assert cli("plan", *common).code == 0
    assert cli("plan", *common, "--enable-tech-preview", code=3).code == 3
    policy = client(embedded_aws, "iam").list_role_policies(RoleName=roles[0])
    assert policy["PolicyNames"]


def test_a_dry_run_reads_the_image_and_calls_nothing(
    cli: Cli, embedded_aws: EmbeddedAws, image: str, tmp_path: Path
) -> None:
    arn = "arn:aws:iam::123456789012:oidc-provider/example.com"
    given = ["--name", "demo", "--identity-provider-arn", arn, "--output-dir", str(tmp_path / "out"), "--dry-run"]
    cli("create-iam-roles", *given, "--release-image", image)
    assert len([name for name in files(tmp_path / "out") if name.endswith("-role.json")]) == 3
    assert changing(embedded_aws) == []


def test_of_an_image_what_the_install_config_does_not_enable_gets_no_role(
    cli: Cli, image: str, requests_dir: Path, tmp_path: Path
) -> None:
    config = tmp_path / "install-config.yaml"
    config.write_text("apiVersion: v1\nplatform: {aws: {region: us-east-1}}\n")
    given = [*OPTIONS, "--output-dir", str(tmp_path / "out"), "--install-config", str(config), "--dry-run"]
    done = cli("create-all", *given, "--release-image", image)
    assert "left out: 1 for another cloud" in done.err
    data = cli("create-all", *given, "--release-image", image, "--output", "json").json
    assert any("left out: 1 for another cloud" in note for note in data["notes"])
    assert {name for name in files(tmp_path / "out") if "hosted" in name} == set()
    assert len([name for name in files(tmp_path / "out") if name.endswith("-role.json")]) == 2
    assert "none is named" in cli("create-all", *given, "--credentials-requests-dir", str(requests_dir), code=2).err


def test_a_directory_and_an_image_exclude_each_other_and_one_must_be_named(
    cli: Cli, image: str, requests_dir: Path
) -> None:
    both = ["--credentials-requests-dir", str(requests_dir), "--release-image", image]
    assert "exclude each other" in cli("create-all", *OPTIONS, *both, code=2).err
    assert "missing: --credentials-requests-dir" in cli("create-all", *OPTIONS, code=2).err


def test_what_is_wrong_with_an_images_requests_is_told_with_everything_else(cli: Cli, tmp_path: Path) -> None:
    bad = request("bad").replace(b'"serviceAccountNames": ["operator"], ', b"").replace(b"ec2:DescribeVpcs", b"")
    place = write_layout(tmp_path / "layout", {"": build(payload_layer({"bad.yaml": bad}))})
    done = cli("create-all", *OPTIONS, "--release-image", f"oci:{place}", code=1)
    assert f"oci:{place}: bad.yaml" in done.err
