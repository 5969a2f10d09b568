"""A cluster's key pair is made once, never overwritten, and used again only when all of it is sound."""

from __future__ import annotations

import concurrent.futures
import os
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ccoctl.errors import CcoctlError, FileError, SigningKeyError
from ccoctl.signing import jwk, keypair
from ccoctl.workflows import create_key_pair as workflow
from ccoctl.workflows.create_key_pair import INSTALLER, PRIVATE, PUBLIC, Done, KeyPair, create_key_pair

NAMES = (PRIVATE, PUBLIC, INSTALLER)


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    """A pair that was made before, in `tmp_path`."""
    return create_key_pair(tmp_path, bits=2048)


@pytest.fixture(scope="session")
def foreign() -> rsa.RSAPrivateKey:
    """The key of another cluster."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _done(pair: KeyPair) -> tuple[Done, Done, Done]:
    return pair.private.done, pair.public.done, pair.installer.done


def _content(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def _private_pem(key: rsa.RSAPrivateKey, form: serialization.PrivateFormat) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _refused(directory: Path, kind: type[CcoctlError], says: str) -> CcoctlError:
    """The error of a run, which must have changed nothing and told a way out."""
    before = _content(directory)
    with pytest.raises(kind, match=says) as caught:
        create_key_pair(directory, bits=2048)
    with pytest.raises(kind, match=says):
        workflow.inspect(directory)
    assert _content(directory) == before
    assert caught.value.where
    assert caught.value.remedy
    return caught.value


class TestANewPair:
    def test_it_is_three_files_that_belong_together(self, tmp_path: Path) -> None:
        pair = create_key_pair(tmp_path, bits=2048)
        assert _done(pair) == (Done.CREATED,) * 3
        content = _content(tmp_path)
        assert set(content) == set(NAMES)
        assert content[INSTALLER] == content[PRIVATE]
        private, public = keypair.load_private(content[PRIVATE]), keypair.load_public(content[PUBLIC])
        assert keypair.matches(private, public)
        assert pair.kid == jwk.kid(public) == pair.jwk.kid

    @pytest.mark.parametrize("mask", [0, 0o022, 0o077])
    def test_the_modes_do_not_depend_on_the_umask(self, tmp_path: Path, mask: int) -> None:
        directory = tmp_path / "new" / "one"
        before = os.umask(mask)
        try:
            create_key_pair(directory, bits=2048)
        finally:
            os.umask(before)
        modes = {name: stat.S_IMODE((directory / name).stat().st_mode) for name in (*NAMES, "..", ".", "tls")}
        assert modes == {PRIVATE: 0o600, PUBLIC: 0o644, INSTALLER: 0o600, "..": 0o700, ".": 0o700, "tls": 0o700}

    def test_it_has_4096_bits_unless_told_otherwise(self, tmp_path: Path) -> None:
        create_key_pair(tmp_path)
        assert keypair.load_private((tmp_path / PRIVATE).read_bytes()).key_size == 4096

    def test_a_size_that_cannot_be_made_leaves_nothing_behind(self, tmp_path: Path) -> None:
        with pytest.raises(SigningKeyError, match="1024 bits"):
            create_key_pair(tmp_path / "new", bits=1024)
        assert not (tmp_path / "new").exists()

    def test_openssl_takes_it_for_a_sound_pair(self, tmp_path: Path, pair: KeyPair) -> None:
        def openssl(*words: str) -> str:
            return subprocess.run(["openssl", *words], check=True, capture_output=True, text=True).stdout

        try:
            openssl("version")
        except FileNotFoundError:
            pytest.skip("openssl is not installed")
        assert "RSA key ok" in openssl("rsa", "-check", "-noout", "-in", str(pair.private.path))
        assert openssl("rsa", "-pubout", "-in", str(pair.private.path)) == (tmp_path / PUBLIC).read_text()

    def test_neither_result_nor_key_shows_a_secret(self, pair: KeyPair) -> None:
        key = workflow.generate(2048)
        secrets = {pem.decode().splitlines()[1] for pem in (pair.private.path.read_bytes(), key.private_pem)}
        for text in (repr(pair), str(pair), repr(workflow.inspect(pair.private.path.parent)), repr(key), str([key])):
            assert "PRIVATE KEY" not in text
            assert not any(secret in text for secret in secrets)

    def test_a_file_in_place_of_the_directory_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "a").touch()
        with pytest.raises(FileError, match="a part of the path is a file"):
            create_key_pair(tmp_path / "a", bits=2048)

    def test_a_planted_link_is_not_written_through(self, tmp_path: Path) -> None:
        (tmp_path / PRIVATE).symlink_to(tmp_path / "elsewhere")
        _refused(tmp_path, FileError, "symbolic link")
        assert not (tmp_path / "elsewhere").exists()


class TestAnExistingPair:
    def test_it_is_used_again_and_nothing_is_written(self, tmp_path: Path, pair: KeyPair) -> None:
        before = {name: (tmp_path / name).stat() for name in NAMES}
        again = create_key_pair(tmp_path, bits=4096)
        assert _done(again) == (Done.REUSED,) * 3
        assert (again.jwk, again.kid) == (pair.jwk, pair.kid)
        assert {name: (tmp_path / name).stat() for name in NAMES} == before

    @pytest.mark.parametrize("missing", [{PUBLIC}, {INSTALLER}, {PUBLIC, INSTALLER}], ids=sorted)
    def test_what_is_missing_is_made_from_the_private_key(
        self, tmp_path: Path, pair: KeyPair, missing: set[str]
    ) -> None:
        before = _content(tmp_path)
        for name in missing:
            (tmp_path / name).unlink()
        again = create_key_pair(tmp_path)
        assert _done(again) == tuple(Done.RESTORED if name in missing else Done.REUSED for name in NAMES)
        assert _content(tmp_path) == before
        assert again.kid == pair.kid

    def test_one_that_the_go_tool_made_is_taken_over(self, tmp_path: Path, pair: KeyPair) -> None:
        """The Go tool leaves the private key and the directories with the umask's modes and the rest as we do."""
        (tmp_path / "tls").chmod(0o755)
        tmp_path.chmod(0o755)
        assert create_key_pair(tmp_path).kid == pair.kid

    def test_other_writings_of_the_same_keys_are_fine(self, tmp_path: Path, pair: KeyPair) -> None:
        key = keypair.load_private(pair.private.path.read_bytes())
        (tmp_path / PRIVATE).write_bytes(_private_pem(key, serialization.PrivateFormat.PKCS8))
        (tmp_path / PUBLIC).write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
        )
        before = _content(tmp_path)
        again = create_key_pair(tmp_path)
        assert _done(again) == (Done.REUSED,) * 3
        assert again.kid == pair.kid
        assert _content(tmp_path) == before

    def test_inspecting_it_gives_the_key_and_what_is_there(self, tmp_path: Path, pair: KeyPair) -> None:
        (tmp_path / PUBLIC).unlink()
        found = workflow.inspect(tmp_path)
        assert found == workflow.ExistingKeyPair(jwk=pair.jwk, has_public=False, has_installer=True)
        assert not (tmp_path / PUBLIC).exists()

    def test_a_private_key_that_was_replaced_after_the_look_is_not_copied(
        self, tmp_path: Path, pair: KeyPair, foreign: rsa.RSAPrivateKey
    ) -> None:
        (tmp_path / INSTALLER).unlink()
        found = workflow.inspect(tmp_path)
        assert found is not None
        pair.private.path.write_bytes(_private_pem(foreign, serialization.PrivateFormat.TraditionalOpenSSL))

        with pytest.raises(SigningKeyError, match="another private key than it was"):
            workflow.complete(tmp_path, found)

        assert not (tmp_path / INSTALLER).exists()

    def test_inspecting_an_empty_or_missing_directory_gives_none(self, tmp_path: Path) -> None:
        assert workflow.inspect(tmp_path) is None
        assert workflow.inspect(tmp_path / "missing") is None
        assert not (tmp_path / "missing").exists()


@pytest.mark.usefixtures("pair")
class TestAnUnsoundPair:
    @pytest.mark.parametrize("name", [PRIVATE, INSTALLER])
    def test_a_private_key_that_others_can_read_is_refused(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).chmod(0o640)
        told = _refused(tmp_path, FileError, "mode 0640")
        assert (told.where, told.remedy.endswith(f"chmod 600 {tmp_path / name}")) == (str(tmp_path / name), True)

    def test_a_foreign_public_half_is_refused(self, tmp_path: Path, foreign: rsa.RSAPrivateKey) -> None:
        (tmp_path / PUBLIC).write_bytes(keypair.public_pem(foreign.public_key()))
        assert _refused(tmp_path, SigningKeyError, "two different pairs").where == str(tmp_path / PUBLIC)

    def test_a_foreign_copy_for_the_installer_is_refused(self, tmp_path: Path, foreign: rsa.RSAPrivateKey) -> None:
        (tmp_path / INSTALLER).write_bytes(_private_pem(foreign, serialization.PrivateFormat.TraditionalOpenSSL))
        assert _refused(tmp_path, SigningKeyError, "another private key").where == str(tmp_path / INSTALLER)

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("keep", [0, 100, -40])
    def test_a_damaged_file_is_refused(self, tmp_path: Path, name: str, keep: int) -> None:
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[:keep])
        assert _refused(tmp_path, SigningKeyError, "damaged|empty").where == str(tmp_path / name)

    @pytest.mark.parametrize("name", NAMES)
    def test_a_huge_file_is_refused(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(b"a" * (workflow.LIMIT + 1))
        assert _refused(tmp_path, FileError, "more than").where == str(tmp_path / name)

    def test_a_private_key_as_the_public_half_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / PUBLIC).write_bytes((tmp_path / PRIVATE).read_bytes())
        _refused(tmp_path, SigningKeyError, "This is a private key, not a public key")

    def test_a_public_half_alone_is_no_reason_for_a_new_pair(self, tmp_path: Path) -> None:
        for name in (PRIVATE, INSTALLER):
            (tmp_path / name).unlink()
        assert "--public-key-file" in _refused(tmp_path, SigningKeyError, "its private key .* is not").remedy

    def test_the_installers_copy_alone_is_put_back_with_the_command_that_is_told(self, tmp_path: Path) -> None:
        kid = create_key_pair(tmp_path).kid
        (tmp_path / PRIVATE).unlink()
        told = _refused(tmp_path, SigningKeyError, "installer's copy")
        subprocess.run(told.remedy.partition("run: ")[2], shell=True, check=True)
        assert create_key_pair(tmp_path).kid == kid


class TestSaving:
    def test_a_key_that_was_made_in_memory_is_the_one_in_the_directory(self, tmp_path: Path) -> None:
        key = workflow.generate(2048)
        assert workflow.save(tmp_path, key).jwk == key.jwk
        assert (tmp_path / PRIVATE).read_bytes() == key.private_pem

    def test_a_key_that_is_there_wins(self, tmp_path: Path, pair: KeyPair) -> None:
        saved = workflow.save(tmp_path, workflow.generate(2048))
        assert saved.jwk == pair.jwk
        assert _done(saved) == (Done.REUSED,) * 3

    def test_of_two_runs_at_a_time_one_wins_and_the_other_uses_its_key(self, tmp_path: Path) -> None:
        keys = [workflow.generate(2048) for _ in range(6)]
        barrier = threading.Barrier(len(keys))

        def run(key: workflow.SigningKey) -> KeyPair:
            barrier.wait()
            return workflow.save(tmp_path / "new", key)

        with concurrent.futures.ThreadPoolExecutor(len(keys)) as pool:
            pairs = list(pool.map(run, keys))
        (kid,) = {pair.kid for pair in pairs}
        assert sorted(pair.private.done.value for pair in pairs) == ["created", *["re-used"] * 5]
        assert kid == create_key_pair(tmp_path / "new").kid
        assert set(_content(tmp_path / "new")) == set(NAMES)


class TestAPublicKeyFile:
    def test_its_key_is_read_as_it_is_published(self, pair: KeyPair) -> None:
        assert workflow.load_public_key_file(pair.public.path) == pair.jwk

    def test_an_ec_key_will_do(self, tmp_path: Path) -> None:
        public = ec.generate_private_key(ec.SECP256R1()).public_key()
        (tmp_path / "ec").write_bytes(keypair.public_pem(public))
        assert workflow.load_public_key_file(tmp_path / "ec").alg == "ES256"

    @pytest.mark.parametrize(
        ("content", "says"),
        [(b"", "empty"), (b"not a key", "not PEM"), (b'{"keys": []}', "not PEM"), (b"\0" * 70_000, "more than")],
    )
    def test_defect_3_a_file_that_is_not_pem_is_refused(self, tmp_path: Path, content: bytes, says: str) -> None:
        (tmp_path / "a").write_bytes(content)
        with pytest.raises(CcoctlError, match=says) as caught:
            workflow.load_public_key_file(tmp_path / "a")
        assert caught.value.where == str(tmp_path / "a")

    def test_a_private_key_is_refused(self, pair: KeyPair) -> None:
        with pytest.raises(SigningKeyError, match="This is a private key"):
            workflow.load_public_key_file(pair.private.path)

    def test_the_golden_key_has_the_golden_kid(self, shared: Path) -> None:
        key = workflow.load_public_key_file(shared / "golden/key/serviceaccount-signer.public")
        assert key.kid == "yFHjnGYGo85Xc-Lf4gDkT0b88N8Fam80PN0bXe4waQg"
