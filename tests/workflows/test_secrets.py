"""Nothing secret is ever said or left behind: every command, at its loudest, in success and in failure.

All that a command writes is collected: both streams, every file in the output, home, temporary and working
directories, and every file that it wrote and took away again. Each secret is looked for in every spelling. The files
that are meant to hold one are listed here, with their modes.
"""

from __future__ import annotations

import base64
import http.server
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ccoctl.cli.main import run
from ccoctl.cli.table import COMMANDS
from ccoctl.engine.retry import Patience, RetryPolicy
from ccoctl.federation.issue import Signer
from ccoctl.signing import keypair
from ccoctl.workflows.create_key_pair import INSTALLER, PRIVATE
from tests.conftest import Count
from tests.openshift.http import Asked, Reply, reply
from tests.release.registries import write_logins
from tests.workflows.commands import Cli
from tests.workflows.every_command import ROWS, Names, flags, staged, with_flags

pytestmark = pytest.mark.harness

ALL = list(COMMANDS)
MAY_HOLD = re.compile(
    r"(out|install)/(signing-key-\d/)?(serviceaccount-signer\.private|tls/bound-service-account-signing-key\.key"
    r"|(tls/)?\.ccoctl-[\w-]+\.tmp)"
    r"|token|kubeconfig|logins"
)
"""Files that a secret is meant for: those of the key pair, and what a user gave."""
PODS = re.compile(r"tmp/ccoctl-pod-\w+/serviceaccount/\.\.[\w.]+/token")
"""A pod's token while it runs, below a directory that nobody else may enter."""
PASSWORD = "s3cr3t-Pass/word+of the registry"
WORDS = {"SignatureDoesNotMatch": "It does not match. The Canonical String should have been ", "AccessDenied": ""}
"""What an AWS says before it repeats a request, by code."""
_COMPACT = re.compile(rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{40,}")


@dataclass
class Secrets:
    """All that must not be found, as bytes, by what it is."""

    spellings: dict[bytes, str] = field(default_factory=dict)

    def add(self, what: str, *secrets: bytes | str) -> None:
        for secret in secrets:
            data = secret.encode() if isinstance(secret, str) else secret
            assert len(data) >= 8, f"{what} is too short to be looked for"
            spelt = (data, base64.b64encode(data).rstrip(b"="), base64.urlsafe_b64encode(data).rstrip(b"="))
            self.spellings |= dict.fromkeys((*spelt, data.hex().encode(), data.hex().upper().encode()), what)

    def add_key(self, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
        """Lines of PEM, the DER, and the numbers that only the private half has."""
        for form in (serialization.PrivateFormat.TraditionalOpenSSL, serialization.PrivateFormat.PKCS8):
            pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
            # the first lines hold the public numbers, too
            lines = [line for line in pem.splitlines() if not line.startswith(b"-----") and len(line) > 20]
            self.spellings |= dict.fromkeys(lines[len(lines) // 3 :], "a line of a private key")
            der = key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())
            self.add(
                "a piece of a private key",
                *(der[start : start + 48] for start in range(len(der) // 2, len(der) - 48, 96)),
            )
        if isinstance(key, rsa.RSAPrivateKey):
            numbers = key.private_numbers()
            for name in ("d", "p", "q", "dmp1", "dmq1", "iqmp"):
                number = getattr(numbers, name)
                whole = key.key_size // (8 if name == "d" else 16)
                for size in {(number.bit_length() + 7) // 8, whole}:
                    self.add(f"{name} of a private key", number.to_bytes(size))
                self.spellings[str(number).encode()] = f"{name} of a private key"

    def found_in(self, data: bytes) -> list[str]:
        return [what for spelling, what in self.spellings.items() if spelling in data]


@dataclass
class Written:
    """What a command wrote, by where."""

    pieces: list[tuple[str, int, bytes]] = field(default_factory=list)

    def add(self, where: str, data: bytes | str, mode: int = 0) -> None:
        self.pieces.append((where, mode, data.encode() if isinstance(data, str) else data))

    def add_tree(self, directory: Path) -> None:
        for path in directory.rglob("*"):
            if path.is_file() and not path.is_symlink():
                self.add(str(path.relative_to(directory)), path.read_bytes(), stat.S_IMODE(path.stat().st_mode))

    def leaks(self, secrets: Secrets, *, printed_token: bool = False) -> list[str]:
        """Where a secret is that must not be there; files that are meant for one are looked at for their modes."""
        found = []
        for where, mode, data in self.pieces:
            if is_meant(where) and not (where.endswith(".tmp") and mode == 0o644):  # a temporary may be of either half
                found += [f"{where} has mode {mode:04o}"] if mode & 0o077 else []
                continue
            if printed_token and where == "stdout":
                continue
            found += [f"{what} in {where}" for what in secrets.found_in(data)]
            found += [f"a token in {where}"] if _COMPACT.search(data) else []
            found += [f"a private key in {where}"] if b"PRIVATE KEY-----" in data else []
        return sorted(set(found))


def is_meant(where: str) -> bool:
    return bool(MAY_HOLD.fullmatch(where) or PODS.fullmatch(where))


class Watcher:
    """Sees what files hold at the moment when they are taken away or given another name."""

    def __init__(self) -> None:
        self.root: Path | None = None
        self.written = Written()
        sys.addaudithook(self._seen)

    def _seen(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.root is None or event not in {"os.remove", "os.rename", "shutil.rmtree"}:
            return
        root, self.root = self.root, None
        try:
            path = Path(os.fsdecode(arguments[0]))
            if not path.is_absolute() or root not in path.parents:
                return
            below = [path] if path.is_file() else [*path.rglob("*")] if path.is_dir() else []
            for found in below:
                if found.is_file() and not found.is_symlink():
                    name = str(found.relative_to(root))
                    # what is about to get its name holds what the name is meant for
                    name = str(Path(os.fsdecode(arguments[1])).relative_to(root)) if event == "os.rename" else name
                    self.written.add(name, found.read_bytes(), stat.S_IMODE(found.stat().st_mode))
        finally:
            self.root = root


@pytest.fixture(scope="session")
def watcher() -> Watcher:
    return Watcher()


@dataclass
class Listening:
    """A world whose secrets are known, and commands at their loudest in it."""

    cli: Cli
    key_pair: Path
    root: Path
    watcher: Watcher
    secrets: Secrets
    environment: Mapping[str, str]

    def run(self, names: Names, row_arguments: Sequence[str], *loud: str) -> tuple[int, Written]:
        """One run in this process."""
        written = self.watcher.written = Written()
        self.cli.capsys.readouterr()
        self.watcher.root = self.root
        try:
            code = run(with_flags(names, row_arguments, *loud))
        finally:
            self.watcher.root = None
        told = self.cli.capsys.readouterr()
        written.add("stdout", told.out)
        written.add("stderr", told.err)
        written.add_tree(self.root)
        return code, written

    def process(self, names: Names, row_arguments: Sequence[str], *loud: str) -> tuple[int, Written]:
        """One run as a process, ended when it serves."""
        line = [sys.executable, "-m", "ccoctl", *with_flags(names, row_arguments, *loud)]
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.root / "cwd") as child:
            if names == ("lab", "up"):
                assert child.stderr is not None
                child.stderr.readline()
                child.send_signal(signal.SIGTERM)
            out, err = child.communicate(timeout=60)
        written = Written()
        written.add("stdout", out)
        written.add("stderr", err)
        written.add_tree(self.root)
        return child.returncode, written


@pytest.fixture
def world(cli: Cli, key_pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watcher: Watcher) -> Listening:
    """Fresh directories, a user with a real secret key, and everything secret written down as it comes to be."""
    secrets = Secrets()
    user = cli.aws.user("operator", actions=["*"])
    secrets.add("the secret access key", user["AWS_SECRET_ACCESS_KEY"])
    secrets.add("the session token", "the-callers-session-token")
    for name in ("home", "tmp", "cwd"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path / "cwd")
    here = {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "AWS_SESSION_TOKEN": "the-callers-session-token",
    }
    for name, value in (user | here).items():
        monkeypatch.setenv(name, value)
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    secrets.add_key(keypair.load_private((key_pair / PRIVATE).read_bytes()))
    remember_what_is_made(secrets, monkeypatch)
    return Listening(cli, key_pair, tmp_path, watcher, secrets, {**os.environ})


def remember_what_is_made(secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and signatures as they are made, and credentials as STS gives them."""
    from ccoctl.lab.sessions import Sessions

    generate, sign, start = keypair.generate, Signer.sign, Sessions.start

    def generated(bits: int = 2048) -> bytes:
        pem = generate(bits)
        secrets.add_key(keypair.load_private(pem))
        return pem

    def signed(self: Signer, claims: dict[str, object]) -> str:
        token = sign(self, claims)
        secrets.add("the signature of a token", token.rpartition(".")[2])
        return token

    def started(self: Sessions, *given: Any) -> Any:
        session = start(self, *given)
        secrets.add("an assumed role's secret key", session.secret_key)
        secrets.add("an assumed role's session token", session.token)
        return session

    monkeypatch.setattr(keypair, "generate", generated)
    monkeypatch.setattr(Signer, "sign", signed)
    monkeypatch.setattr(Sessions, "start", started)


def loudest(names: Names, root: Path) -> list[list[str]]:
    """The flags of the loudest runs: as text and as JSON, with a page, and dry."""
    there = flags(names)
    debug = ["--debug"] if "--debug" in there else []
    page = ["--html", str(root / "page.html")] if "--html" in there else []
    runs = [[*debug, *page, "--output", "json"] if "--output" in there else [*debug, *page]]
    runs += [[*debug]] if runs[0] != debug else []
    runs += [[*debug, "--dry-run"]] if "--dry-run" in there else []
    return runs


def rows(wanted: Callable[[Names], bool], *short: Names) -> list[Any]:
    """The commands that are wanted, those that are not named only in the long form."""
    kept = [names for names in ALL if wanted(names)]
    return [pytest.param(names, id=" ".join(names), marks=() if names in short else pytest.mark.long) for names in kept]


@pytest.mark.parametrize("is_first", [True, pytest.param(False, marks=pytest.mark.long)], ids=["", "other forms"])
@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_a_command_that_does_its_work_keeps_every_secret(
    world: Listening, names: Names, is_first: bool, count: Count
) -> None:
    row = ROWS[names]
    runs = loudest(names, world.root)[:1] if is_first else loudest(names, world.root)[1:]
    with staged(world.cli.aws, world.key_pair, world.root, row) as stage:
        for loud in runs:
            does = world.process if row.is_process else world.run
            code, written = does(names, row.arguments(stage), *loud)
            assert code in {0, 3}, written.pieces[-2:]
            assert written.leaks(world.secrets, printed_token=names == ("token", "create")) == []
    count(len(runs), "runs of commands whose output was searched for secrets")


@pytest.mark.parametrize("names", rows(lambda names: "aws" in ROWS[names].asks, ("aws", "create-all"), ("aws", "plan")))
@pytest.mark.parametrize("code", sorted(WORDS))
def test_an_aws_that_says_what_it_was_told_is_not_repeated(
    world: Listening, names: Names, code: str, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS answers a wrong signature with what it should cover, and whatever is in between with all headers."""
    row = ROWS[names]
    runs = loudest(names, world.root)
    with staged(world.cli.aws, world.key_pair, world.root, row) as stage, echoing(code=code) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        for loud in runs:
            ended, written = world.run(names, row.arguments(stage), *loud)
            assert ended != 0 or "--dry-run" in loud, written.pieces[:2]
            assert written.leaks(world.secrets) == []
    count(len(runs), "runs of commands whose output was searched for secrets")


@pytest.mark.parametrize("names", rows(lambda names: "cluster" in ROWS[names].asks, ("cluster", "adopt")))
def test_a_cluster_that_says_what_it_was_told_is_not_repeated(world: Listening, names: Names, count: Count) -> None:
    row = ROWS[names]
    runs = loudest(names, world.root)
    with staged(world.cli.aws, world.key_pair, world.root, row) as stage:
        world.secrets.add("the kubeconfig's token", "of-the-administrator")
        assert stage.cluster is not None
        stage.cluster.instead = echoed
        for loud in runs:
            ended, written = world.run(names, row.arguments(stage), *loud)
            assert ended != 0 or names[-1].startswith("migrate-to-public"), written.pieces[:2]
            assert written.leaks(world.secrets) == []
    count(len(runs), "runs of commands whose output was searched for secrets")


@pytest.mark.parametrize("debris", ["{}\r", "x y\r{}", "{}\n", "{}\u00e9"], ids=ascii)
def test_a_credential_that_came_with_line_ends_is_not_told(
    world: Listening, debris: str, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What HTTP's libraries cannot send they quote: of AWS, of a kubeconfig, of a registry."""
    secret = "hunter2-hunter2"
    world.secrets.add("a damaged credential", secret)
    logins = world.root / "logins"
    logins.write_text(json.dumps({"auths": {"registry.invalid": {"registrytoken": debris.format(secret)}}}))
    logins.chmod(0o600)
    names: Names = ("cluster", "verify")
    with staged(world.cli.aws, world.key_pair, world.root, ROWS[names]) as stage:
        whole, arguments = stage.kubeconfig.read_text(), ROWS[names].arguments(stage)
        stage.kubeconfig.write_text(whole.replace("of-the-administrator", json.dumps(debris.format(secret))))
        tried = [world.run(names, arguments, *loud) for loud in loudest(names, world.root)]
        stage.kubeconfig.write_text(whole)
        monkeypatch.setenv("AWS_SESSION_TOKEN", debris.format(secret))
        tried += [world.run(names, arguments, *loud) for loud in loudest(names, world.root)]
    given = ["--credentials-requests", "registry.invalid/r:1", "--to", str(world.root / "x"), "-a", str(logins)]
    tried.append(world.run(("release", "extract"), given, "--debug"))
    for code, written in tried:
        assert code == 1, written.pieces[:2]
        assert written.leaks(world.secrets) == []
        assert any(b"line end" in data for where, _, data in written.pieces if where in {"stdout", "stderr"})
    count(len(tried), "runs of commands whose output was searched for secrets")


@pytest.mark.parametrize(
    "names",
    rows(lambda names: names in {("aws", "create-all"), ("aws", "delete"), ("aws", "verify")}, ("aws", "create-all")),
)
def test_a_proxys_password_is_not_told(
    world: Listening, names: Names, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ROWS[names]
    world.secrets.add("the proxy's password", "hunter2-hunter2")
    with staged(world.cli.aws, world.key_pair, world.root, row) as stage:
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        monkeypatch.setattr(
            "ccoctl.engine.attempt.READING", RetryPolicy(transient=Patience(first=0.1, longest=0.1, total=0.1))
        )
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, "http://someone:hunter2-hunter2@127.0.0.1:9")
        ended, written = world.run(names, row.arguments(stage), "--debug")
        assert ended == 1
        assert written.leaks(world.secrets) == []
    count(1, "runs of commands whose output was searched for secrets")


@pytest.mark.parametrize("sign", ["/", "#", "?", "socks5"])
@pytest.mark.parametrize(
    "names", [("aws", "plan"), ("release", "extract"), ("cluster", "verify"), ("token", "inspect")], ids=" ".join
)
def test_a_proxys_password_is_not_told_where_it_is_none(
    world: Listening, names: Names, sign: str, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password that should have been percent-encoded is cut in two, and half of it taken for a port."""
    row = ROWS[names]
    world.secrets.add("the proxy's password", "hunter2-hunter2")
    proxy = f"http://someone:hunter2-hunter2{sign}x@127.0.0.1:9"
    with staged(world.cli.aws, world.key_pair, world.root, row) as stage:
        others: dict[Names, list[str]] = {
            ("release", "extract"): ["--credentials-requests", "--to", str(world.root / "x"), "registry.invalid/r:1"],
            ("token", "inspect"): ["--issuer-url", "https://issuer.invalid", str(stage.token_file())],
        }
        given = others.get(names) or list(row.arguments(stage))
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
            monkeypatch.setenv(name, proxy if sign != "socks5" else "socks5://someone:hunter2-hunter2@127.0.0.1:9")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        code, written = world.run(names, given, *loudest(names, world.root)[0])
    assert code in {1, 3}
    assert written.leaks(world.secrets) == []
    said = b"".join(data for where, _, data in written.pieces if where in {"stdout", "stderr"})
    assert b"is no address of an HTTP proxy" in said
    assert b"this is a bug" not in said
    count(1, "runs of commands whose output was searched for secrets")


def echoed(asked: Asked) -> Reply:
    """An API server that is out of its mind."""
    said = f"who said Authorization: Bearer {asked.bearer} is not welcome"
    return reply(
        403,
        {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "message": said,
            "reason": "Forbidden",
            "code": 403,
        },
    )


class _Echo(http.server.BaseHTTPRequestHandler):
    """Answers every request with a refusal that holds all of its head and body."""

    protocol_version = "HTTP/1.1"
    challenge = ""
    code = "AccessDenied"

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("latin-1")
        token = self.headers.get("X-Amz-Security-Token", "")
        said = re.sub(r"[<>&]", " ", f"{token} {body} {self.path} {self.headers.as_string()}")
        if type(self).challenge and "Authorization" not in self.headers:
            self._answer(401, "", {"WWW-Authenticate": type(self).challenge})
        elif type(self).challenge:
            self._answer(403, json.dumps({"errors": [{"code": "DENIED", "message": said}]}), {})
        else:
            error = f"<Code>{type(self).code}</Code><Message>{self.words}{said}</Message>"
            self._answer(403, f"<ErrorResponse><Error>{error}</Error></ErrorResponse>", {})

    @property
    def words(self) -> str:
        return WORDS[type(self).code]

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _any  # noqa: N815 - the names that http.server looks for

    def _answer(self, status: int, body: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "text/xml", "Content-Length": str(len(body.encode()))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def echoing(challenge: str = "", code: str = "AccessDenied") -> Iterator[str]:
    """A server that repeats whatever it is told, once it has what it wants."""
    handler = type("Handler", (_Echo,), {"challenge": challenge, "code": code})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("names", [("release", "extract"), ("release", "diff"), ("aws", "create-all")], ids=" ".join)
def test_a_registry_that_says_what_it_was_told_is_not_repeated(world: Listening, names: Names, count: Count) -> None:
    world.secrets.add("the registry's password", PASSWORD, f"someone:{PASSWORD}")
    with echoing('Basic realm="registry"') as address:
        host = address.removeprefix("http://")
        logins = write_logins(world.root / "logins", {host: f"someone:{PASSWORD}"})
        logins.chmod(0o600)
        commands: dict[Names, list[str]] = {
            ("release", "extract"): ["--credentials-requests", f"{host}/r:1", "--to", str(world.root / "extracted")],
            ("release", "diff"): [f"{host}/r:1", f"{host}/r:2"],
            ("aws", "create-all"): ["--name", "demo", "--region", "us-east-1", "--release-image", f"{host}/r:1"],
        }
        given = commands[names]
        for loud in loudest(names, world.root):
            code, written = world.run(names, given, "--insecure", "-a", str(logins), *loud)
            assert code == 1, written.pieces[-2:]
            assert written.leaks(world.secrets) == []
    count(2, "runs of commands whose output was searched for secrets")


@pytest.mark.parametrize(
    "names",
    rows(lambda names: not ROWS[names].is_process, ("aws", "export"), ("release", "diff"), ("token", "inspect")),
)
def test_input_that_is_wrong_is_not_repeated_where_it_may_be_a_secret(
    world: Listening, names: Names, count: Count
) -> None:
    """A private key where a public one, a manifest, a kubeconfig, a token or a name is wanted."""
    row = ROWS[names]
    secret = (world.key_pair / PRIVATE).read_text()
    with staged(world.cli.aws, world.key_pair, world.root, row) as stage:
        arguments = list(row.arguments(stage))
        shutil.copy(world.key_pair / PRIVATE, world.root / "token")
        tried = 0
        for position, value in enumerate(arguments):
            if not value.startswith(str(world.root)):
                continue
            wrong = [*arguments]
            wrong[position] = str(world.root / "token")
            _, written = world.run(names, wrong, *loudest(names, world.root)[0])
            assert written.leaks(world.secrets, printed_token=names == ("token", "create")) == []
            tried += 1
    assert secret
    count(tried, "runs of commands whose output was searched for secrets")


class TestTheSearchItself:
    def test_finds_a_secret_in_every_spelling(self, key_pair: Path) -> None:
        secrets = Secrets()
        pem = (key_pair / PRIVATE).read_bytes()
        key = keypair.load_private(pem)
        secrets.add_key(key)
        number = key.private_numbers().d
        spelt: list[bytes] = [pem, pem.replace(b"\n", b"\\n")]
        for size in (256, (number.bit_length() + 7) // 8):
            d = number.to_bytes(size)
            spelt += [d.hex().encode(), base64.urlsafe_b64encode(d)]
        spelt += [str(key.private_numbers().p).encode(), json.dumps({"key": pem.decode()}).encode()]
        for text in spelt:
            assert secrets.found_in(b"before " + text + b" after")
        assert not secrets.found_in(keypair.public_pem(key.public_key()))

    def test_finds_a_file_that_was_taken_away_again(self, watcher: Watcher, tmp_path: Path) -> None:
        watcher.written, watcher.root = Written(), tmp_path
        (tmp_path / "gone").write_text("a secret")
        (tmp_path / "gone").unlink()
        watcher.root = None
        assert [(where, data) for where, _, data in watcher.written.pieces] == [("gone", b"a secret")]

    def test_a_file_that_is_meant_for_a_key_must_be_closed(self) -> None:
        written = Written()
        for name in (PRIVATE, INSTALLER):
            written.add(f"out/{name}", "x", 0o640)
        assert len(written.leaks(Secrets())) == 2
