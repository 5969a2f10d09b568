"""`ccoctl openshift prepare-install`: the installer's directory, before `openshift-install create cluster`."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from ccoctl.cli.main import run
from ccoctl.workflows.create_key_pair import create_key_pair
from ccoctl.workflows.prepare_install import carry_out, look
from tests.workflows.commands import Cli, Done

ISSUER = "https://demo-oidc.s3.us-east-1.amazonaws.com"
TOKEN = "/var/run/secrets/openshift/serviceaccount/token"
CONFIG = """\
# mine
apiVersion: v1
baseDomain: example.com  # ours
platform: {aws: {region: us-east-1}}
"""
MANUAL = CONFIG.replace("v1\n", "v1\ncredentialsMode: Manual\n")
INGRESS = "openshift-ingress-cloud-credentials.yaml"
MACHINE = "openshift-machine-api-aws-credentials.yaml"
AUTHENTICATION = "cluster-authentication-02-config.yaml"
KEY = "tls/bound-service-account-signing-key.key"


def secret(namespace: str, name: str, role: str = "", token: str = TOKEN) -> str:
    role = role or f"arn:aws:iam::123456789012:role/demo-{namespace}-{name}"
    return (
        "apiVersion: v1\nstringData:\n  credentials: |-\n    [default]\n    sts_regional_endpoints = regional\n"
        f"    role_arn = {role}\n    web_identity_token_file = {token}\n"
        f"kind: Secret\nmetadata:\n  name: {name}\n  namespace: {namespace}\ntype: Opaque\n"
    )


def authentication(issuer: str = ISSUER) -> str:
    return (
        "apiVersion: config.openshift.io/v1\nkind: Authentication\nmetadata:\n  name: cluster\nspec:\n"
        f"  serviceAccountIssuer: {issuer}\n"
    )


@dataclass(frozen=True)
class Place:
    """An installer's directory, and what ccoctl wrote."""

    dir: Path
    out: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, code: int = 0) -> Done:
        """Run the command and expect an exit code."""
        self.capsys.readouterr()
        given = ["--dir", str(self.dir), "--output-dir", str(self.out), *arguments]
        ended = run(["openshift", "prepare-install", *given])
        told = self.capsys.readouterr()
        assert ended == code, told.out + told.err
        return Done(ended, told.out, told.err)

    def manifest(self, name: str, text: str) -> Path:
        """Write a manifest of the output directory."""
        path = self.out / "manifests" / name
        path.write_text(text)
        return path

    def config(self, text: str) -> Path:
        """Write install-config.yaml."""
        path = self.dir / "install-config.yaml"
        path.write_text(text)
        return path

    def taken_in(self, config: str = MANUAL) -> None:
        """What `openshift-install create manifests` leaves."""
        (self.dir / "install-config.yaml").unlink(missing_ok=True)
        (self.dir / ".openshift_install_state.json").write_text("{}")
        (self.dir / "manifests").mkdir(exist_ok=True)
        held = {"kind": "ConfigMap", "apiVersion": "v1", "data": {"install-config": config}}
        (self.dir / "manifests" / "cluster-config.yaml").write_text(yaml.safe_dump(held))


@pytest.fixture
def place(tmp_path: Path, key_pair: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    made = Place(tmp_path / "install", tmp_path / "out", capsys)
    shutil.copytree(key_pair, made.out)
    (made.out / "manifests").mkdir()
    made.dir.mkdir()
    made.manifest(AUTHENTICATION, authentication())
    made.manifest(INGRESS, secret("openshift-ingress", "cloud"))
    made.manifest(MACHINE, secret("openshift-machine-api", "aws"))
    made.config(MANUAL)
    return made


def tree(directory: Path) -> dict[str, bytes]:
    """Every file below a directory."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


# What is put where


def test_manifests_and_key_are_put_where_the_installer_takes_them(place: Place) -> None:
    done = place()

    for name in (AUTHENTICATION, INGRESS, MACHINE):
        assert (place.dir / "manifests" / name).read_bytes() == (place.out / "manifests" / name).read_bytes()
    assert (place.dir / KEY).read_bytes() == (place.out / KEY).read_bytes()
    assert (mode(place.dir / KEY), mode(place.dir / "tls")) == (0o600, 0o700)
    assert (place.dir / "install-config.yaml").read_text() == MANUAL
    assert f"openshift-install create manifests --dir {place.dir}" in done.out
    assert "PRIVATE" not in done.out + done.err


def test_one_directory_for_both_has_everything_in_its_place(place: Place) -> None:
    shutil.copytree(place.out, place.dir, dirs_exist_ok=True)

    Place(place.dir, place.dir, place.capsys)("--check")


def test_run_again_it_has_nothing_to_do(place: Place) -> None:
    place()
    before = tree(place.dir)

    place("--check")
    again = place()

    assert tree(place.dir) == before
    assert "written" not in again.out


def test_check_only_looks_and_ends_with_3_when_something_would_have_to_be_done(place: Place) -> None:
    place.config(CONFIG)
    before = tree(place.dir)

    done = place("--check", code=3)

    assert tree(place.dir) == before
    assert "to edit" in done.out
    assert done.out.count("to write") == 4


def test_check_says_what_it_saw_as_json(place: Place) -> None:
    seen = place("--check", "--output", "json", code=3).json

    assert (seen["stage"], seen["complete"]) == ("install-config.yaml", False)
    assert {file["action"] for file in seen["files"]} == {"is there", "to write"}
    assert {file["path"].removeprefix(f"{place.dir}/"): file["mode"] for file in seen["files"]}[KEY] == "0600"
    assert place("--output", "json").json["complete"] is True


def test_killed_at_any_point_the_same_command_goes_on(
    place: Place, crash: Callable[[Callable[[], object], int], bool]
) -> None:
    """A private key is never there in part, nor open to others; and the second run ends the first one's work."""
    place.config(CONFIG)
    for number in range(100):
        shutil.rmtree(place.dir)
        place.dir.mkdir()
        place.config(CONFIG)
        seen = look(place.dir, place.out, may_set_mode=True)
        ended = crash(partial(carry_out, seen), number)
        if (place.dir / KEY).exists():
            assert (place.dir / KEY).read_bytes() == (place.out / KEY).read_bytes()
        assert (place.dir / "install-config.yaml").read_text() in {CONFIG, MANUAL}
        carry_out(look(place.dir, place.out, may_set_mode=True))
        assert look(place.dir, place.out, may_set_mode=False).to_do == ()
        assert not list(place.dir.rglob(".ccoctl-*"))
        if ended:
            assert number > 5
            return
    pytest.fail("it never came to its end")


# credentialsMode


def test_a_mode_that_is_not_manual_is_told_and_nothing_is_put_anywhere(place: Place) -> None:
    place.config(CONFIG)

    done = place(code=1)

    assert "credentialsMode is missing and must be Manual: run again with --set-credentials-mode" in done.err
    assert list(tree(place.dir)) == ["install-config.yaml"]


def test_it_is_set_when_asked_and_every_other_byte_stays(place: Place) -> None:
    path = place.config(CONFIG)
    path.chmod(0o640)

    place("--set-credentials-mode")

    assert path.read_text() == MANUAL
    assert mode(path) == 0o640


def test_the_line_of_another_mode_is_named(place: Place) -> None:
    place.config(f"{CONFIG}credentialsMode: Mint\n")

    assert "install-config.yaml:5: credentialsMode is 'Mint' and must be Manual" in place(code=1).err


def test_a_file_that_is_no_yaml_is_to_be_mended(place: Place, tmp_path: Path) -> None:
    place.config("a: [")

    said = place(code=1).err

    assert "install-config.yaml:2: document 1: a[0]: this is not YAML" in said
    assert "Mend the file" in said
    assert "Nothing that differs is overwritten" not in said


def test_a_pull_secret_is_never_shown(place: Place) -> None:
    place.config('pullSecret: \'{"auths": "hush"}\'\nkey: [\n')

    done = place(code=1)

    assert "this is not YAML" in done.err
    assert "hush" not in done.err + done.out


def test_a_link_in_its_place_is_not_edited(place: Place, tmp_path: Path) -> None:
    path = place.config(CONFIG)
    path.rename(tmp_path / "elsewhere.yaml")
    path.symlink_to(tmp_path / "elsewhere.yaml")

    place("--set-credentials-mode", code=1)

    assert (tmp_path / "elsewhere.yaml").read_text() == CONFIG


# How far the installer is


def test_once_it_was_taken_in_the_manifests_are_put_beside_the_installers(place: Place) -> None:
    place.taken_in()

    done = place()

    assert (place.dir / "manifests" / INGRESS).exists()
    assert "was taken in by `openshift-install create manifests`, and is as it must be" in done.out
    assert "create manifests --dir" not in done.out
    place("--check")


@pytest.mark.parametrize(
    ("config", "said"), [(CONFIG, "is missing"), (f"{CONFIG}credentialsMode: Mint\n", "is 'Mint'")]
)
def test_taken_in_without_manual_it_cannot_be_mended_and_says_what_to_do(place: Place, config: str, said: str) -> None:
    place.taken_in(config)
    (place.dir / "openshift").mkdir()
    (place.dir / "openshift" / "99_cloud-creds-secret.yaml").write_text("kind: Secret\n")
    before = tree(place.dir)

    done = place("--set-credentials-mode", code=1)

    assert f"credentialsMode {said} and must be Manual" in done.err
    assert "put your copy of it into an empty directory" in done.err
    assert "it holds credentials of your account" in done.err
    assert tree(place.dir) == before


def test_taken_in_and_gone_it_says_so(place: Place) -> None:
    (place.dir / "install-config.yaml").unlink()
    (place.dir / ".openshift_install_state.json").write_text("{}")

    assert "install-config.yaml was taken in by the installer and is gone" in place(code=1).err


def test_the_state_file_that_create_install_config_leaves_means_nothing(place: Place) -> None:
    (place.dir / ".openshift_install_state.json").write_text("{}")

    place()


def test_a_directory_of_a_cluster_is_too_late(place: Place) -> None:
    (place.dir / "install-config.yaml").unlink()
    (place.dir / "metadata.json").write_text("{}")

    done = place(code=1)

    assert "a cluster was created from here already" in done.err
    assert "cluster repair" in done.err


def test_a_directory_without_anything_is_too_early(place: Place) -> None:
    (place.dir / "install-config.yaml").unlink()

    assert "openshift-install create install-config" in place(code=1).err
    shutil.rmtree(place.dir)
    assert "there is no such directory" in place(code=1).err


@pytest.mark.parametrize(
    ("text", "said"),
    [("kind: [", "not YAML"), ("kind: ConfigMap\n", "holds 0 copies"), ("data: {install-config: '- a'}", "a mapping")],
)
def test_an_installers_manifest_that_says_nothing_is_refused(place: Place, text: str, said: str) -> None:
    place.taken_in()
    (place.dir / "manifests" / "cluster-config.yaml").write_text(text)

    assert said in place(code=1).err


# What is in the way


def test_everything_in_the_way_is_told_at_once_before_anything_is_written(place: Place, tmp_path: Path) -> None:
    place.config(CONFIG)
    (place.dir / "manifests").mkdir()
    (place.dir / "manifests" / INGRESS).write_text(secret("openshift-ingress", "cloud", "arn:aws:iam::1:role/x"))
    (place.dir / "manifests" / AUTHENTICATION).mkdir()
    create_key_pair(tmp_path / "other", bits=2048)
    shutil.copytree(tmp_path / "other" / "tls", place.dir / "tls")
    before = tree(place.dir)

    done = place(code=1)

    assert "credentialsMode is missing" in done.err
    assert f"{INGRESS}: it is there and differs from" in done.err
    assert f"{AUTHENTICATION}: " in done.err
    assert "this is another key than" in done.err
    assert tree(place.dir) == before


def test_the_same_secret_in_a_file_of_another_name_is_in_the_way(place: Place) -> None:
    place()
    (place.dir / "manifests" / "old-credentials.yaml").write_text(secret("openshift-ingress", "cloud"))

    assert "old-credentials.yaml: it holds the Secret openshift-ingress/cloud" in place(code=1).err


def test_a_secret_of_somebody_else_stays_and_is_told(place: Place) -> None:
    (place.dir / "manifests").mkdir()
    (place.dir / "manifests" / "mine-credentials.yaml").write_text(secret("mine", "mine"))

    assert "holds the Secret mine/mine, which is not ours; it stays" in place().err


def test_a_key_that_others_can_read_is_refused_with_the_way_out(place: Place) -> None:
    place()
    (place.dir / KEY).chmod(0o644)

    assert "has mode 0644" in place(code=1).err


def test_the_same_key_in_another_form_is_the_same_key(place: Place) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key((place.out / KEY).read_bytes(), password=None)
    other = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (place.dir / "tls").mkdir()
    (place.dir / KEY).write_bytes(other)
    (place.dir / KEY).chmod(0o600)

    place()

    assert (place.dir / KEY).read_bytes() == other


# What does not belong together


ARN = "arn:aws:iam::123456789012:role/"
CLOUD = secret("openshift-ingress", "cloud")
OWN = f"{ARN}demo-openshift-ingress-cloud"
HOST = "https://demo-oidc.s3"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (INGRESS, CLOUD.replace("123456789012", "999999999999"), "of another account"),
        (INGRESS, CLOUD.replace("arn:aws:", "arn:aws-cn:"), "of another account"),
        (INGRESS, CLOUD.replace(OWN, f"{ARN}prod-x"), "not of the set-up demo"),
        (INGRESS, CLOUD.replace(OWN, f"{ARN}demo-openshift-machine-api-aws"), "2 Secrets name the same role"),
        (INGRESS, secret("openshift-machine-api", "aws"), "2 files hold the Secret openshift-machine-api/aws"),
        (INGRESS, CLOUD.replace(TOKEN, "/a/../b"), "is not a plain path"),
        (INGRESS, CLOUD.replace("role_arn", "credential_process"), "credential_process"),
        (INGRESS, CLOUD.replace("stringData", "data"), "no credentials in its stringData"),
        (INGRESS, CLOUD.replace(OWN, "\n    POPULATE ROLE ARN AND DELETE THIS LINE"), "neither the section"),
        (INGRESS, "", "holds no Secret"),
        (
            AUTHENTICATION,
            authentication(f"{HOST}.cn-north-1.amazonaws.com.cn"),
            "not of the issuer's partition, aws-cn",
        ),
        (AUTHENTICATION, authentication("https://prod-oidc.s3.us-east-1.amazonaws.com"), "not of the set-up prod"),
        (AUTHENTICATION, authentication("http://demo-oidc"), "does not begin with https://"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(place: Place, name: str, text: str, said: str) -> None:
    place.manifest(name, text)

    done = place(code=1)

    assert said in done.err
    assert list(tree(place.dir)) == ["install-config.yaml"]


def test_all_of_it_is_told_at_once(place: Place, tmp_path: Path) -> None:
    place.manifest(INGRESS, secret("openshift-ingress", "cloud", "arn:aws:iam::999999999999:role/demo-x"))
    place.manifest(AUTHENTICATION, authentication("http://demo-oidc"))
    create_key_pair(tmp_path / "other", bits=2048)
    shutil.copy(tmp_path / "other" / "serviceaccount-signer.public", place.out / "serviceaccount-signer.public")

    said = place(code=1).err

    assert "of another account" in said
    assert "does not begin with https://" in said
    assert "its public half is not serviceaccount-signer.public" in said


def test_a_copy_for_the_installer_that_is_another_key_is_refused(place: Place, tmp_path: Path) -> None:
    create_key_pair(tmp_path / "other", bits=2048)
    shutil.copy(tmp_path / "other" / KEY, place.out / KEY)

    assert "it is another key than" in place(code=1).err


def test_without_the_installers_copy_the_private_key_itself_is_taken(place: Place) -> None:
    (place.out / KEY).unlink()

    place()

    assert (place.dir / KEY).read_bytes() == (place.out / "serviceaccount-signer.private").read_bytes()


def test_without_a_private_key_the_cluster_would_sign_with_its_own(place: Place) -> None:
    (place.out / KEY).unlink()
    (place.out / "serviceaccount-signer.private").unlink()

    assert "there is no private key for the installer" in place(code=1).err


def test_documents_that_others_serve_must_hold_the_key(place: Place) -> None:
    (place.out / "issuer").mkdir()
    (place.out / "issuer" / "keys.json").write_text('{"keys": []}')

    assert "the signing key is not in it" in place(code=1).err


def test_without_manifests_there_is_nothing_to_give(place: Place) -> None:
    shutil.rmtree(place.out / "manifests")

    done = place(code=1)

    assert "there is no such directory" in done.err.lower()
    assert "create-all" in done.err


def test_an_issuer_behind_cloudfront_tells_no_name(place: Place) -> None:
    place.manifest(AUTHENTICATION, authentication("https://d111111abcdef8.cloudfront.net"))

    place()


def test_a_token_at_an_unusual_place_is_told(place: Place) -> None:
    place.manifest(INGRESS, secret("openshift-ingress", "cloud", token="/var/run/secrets/other/token"))

    assert "finds its token at /var/run/secrets/other/token" in place().err


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: &x [*x]", b"[" * 70_000, b"kind: Secret\n" * 3])
def test_hostile_manifests_end_in_a_sentence(place: Place, content: bytes) -> None:
    (place.out / "manifests" / INGRESS).write_bytes(content)

    assert "Traceback" not in place(code=1).err


def test_a_pipe_in_a_files_place_does_not_hang(place: Place) -> None:
    (place.dir / "manifests").mkdir()
    os.mkfifo(place.dir / "manifests" / INGRESS)

    assert "a device, pipe or socket" in place(code=1).err


# From the beginning to the end


def test_what_create_all_writes_is_taken(cli: Cli, requests_dir: Path, place: Place, tmp_path: Path) -> None:
    out = tmp_path / "made"
    options = ["--name", "prod", "--region", "us-east-1", "--credentials-requests-dir", str(requests_dir)]
    cli("create-all", *options, "--output-dir", str(out), "--key-bits", "2048")
    made = Place(place.dir, out, place.capsys)

    seen: Any = made("--output", "json").json
    made.taken_in()
    made("--check")

    assert len(seen["files"]) == 5
    assert json.dumps(seen)
