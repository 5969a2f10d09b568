"""Where cases are played: a directory of requests, one for the files, and others that nobody may touch."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ccoctl.aws.manifests import UNKNOWN_ROLE
from tests.fuzz.cases import Case, Link
from tests.fuzz.confined import Confined, Told
from tests.fuzz.nasty import FORGED

MOST_SECONDS = 1.0
"""Of processor time for a command."""
MOST_MEMORY = 200 * 1024**2
"""Bytes that the process may ever have."""
MOST_TOLD = 200_000
"""Characters that a command may say: nobody reads more, and a terminal takes a while for it."""
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/demo-oidc.s3.us-east-1.amazonaws.com"
_SUBJECT = re.compile(
    r"system:serviceaccount:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?:(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    r"(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
)
_SAYS = ("[default]", "sts_regional_endpoints = regional", "role_arn = ", "web_identity_token_file = /")


@dataclass(frozen=True, slots=True)
class Ground:
    """The directories of one harness."""

    root: Path
    key: Path
    """The public half of the signing key."""

    @property
    def requests(self) -> Path:
        """What a case is laid out in."""
        return self.root / "requests"

    @property
    def own(self) -> Path:
        """Where a command may write."""
        return self.root / "out"

    @property
    def cwd(self) -> Path:
        """The working directory of the commands."""
        return self.root / "cwd"

    def prepare(self) -> Ground:
        """Make the directories that nobody may touch."""
        for name in ("outside", "cwd", "manifests", "tls"):
            (self.root / name).mkdir(parents=True)
            (self.root / name / "secret").write_text("kind: ConfigMap\napiVersion: v1\nmetadata: {name: sentinel}\n")
        return self

    def lay_out(self, case: Case) -> None:
        """Write a case's files."""
        for directory in (self.requests, self.own):
            shutil.rmtree(directory, ignore_errors=True)
        self.requests.mkdir()
        for name, content in case.files.items():
            path = self.requests / os.fsdecode(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                os.mkfifo(path)
            elif isinstance(content, Link):
                path.symlink_to(os.fsdecode(content.target))
            else:
                path.write_bytes(content)

    def others(self) -> dict[str, tuple[int, bytes]]:
        """Mode and content of everything but the requests and the command's own directory."""
        left = {self.requests, self.own}
        return {
            str(path.relative_to(self.root)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
            for path in sorted(self.root.rglob("*"))
            if not any(path == one or path.is_relative_to(one) for one in left)
        }

    def argv(self, number: int, *, dry: bool = True) -> list[str]:
        """One of several command lines that read the requests."""
        where = ("--credentials-requests-dir", str(self.requests), "--output-dir", str(self.own))
        common = ["--name", "demo", "--region", "us-east-1", *where, *(("--dry-run",) if dry else ())]
        variants = (
            ["create-all", "--public-key-file", str(self.key)],
            ["create-iam-roles", "--identity-provider-arn", PROVIDER, "--enable-tech-preview"],
            ["create-all", "--public-key-file", str(self.key), "--output", "json", "--enable-tech-preview"],
            ["create-all", "--public-key-file", str(self.key), "--create-private-s3-bucket", "--bind-audience"],
        )
        command, *options = variants[number % len(variants)]
        return ["aws", command, *common, *options]


def bounded(told: Told, most_seconds: float = MOST_SECONDS) -> list[str]:
    """What is wrong with the way a command ended, whatever it was asked."""
    wrong = [f"{name} was touched" for name in told.outside]
    said = told.out + told.err
    if told.code not in {0, 1, 2}:
        wrong.append(f"exit code {told.code}: {told.err[:300]}")
    wrong += [f"it said {word!r}" for word in ("this is a bug of ccoctl", "Traceback") if word in said]
    if control := next((sign for sign in said if not (sign.isprintable() or sign in "\n\t")), ""):
        wrong.append(f"the terminal gets {control!a}")
    if any(line.lstrip().startswith(FORGED) for line in said.splitlines()):
        wrong.append("a line is the file's own")
    if len(said) > MOST_TOLD:
        wrong.append(f"it said {len(said):,} characters")
    if told.seconds > most_seconds:
        wrong.append(f"it took {told.seconds:.1f} s")
    if told.peak > MOST_MEMORY:
        wrong.append(f"it took {told.peak / 1024**2:.0f} MiB")
    if told.code != 0 and told.inside:
        wrong.append(f"it refused, and touched {told.inside} files of its directory")
    if told.code != 0 and not said.strip():
        wrong.append("it refused without a word")
    return wrong


def play(case: Case, ground: Ground, run: Confined) -> tuple[Told, list[str]]:
    """Run a case through the commands that read requests; the dry run's end, and all that is wrong."""
    ground.lay_out(case)
    argv = ground.argv(case.number)
    told = run(ground.own, *argv)
    wrong = bounded(told)
    if told.code == 0:
        wrong += written(ground.own)
    if "--output" in argv and told.code == 1 and "what" not in json.loads(told.err)["error"]:
        wrong.append("the error is no JSON")
    for name in ("of-a-release", "of-a-cluster") if case.number % 3 == 0 else ():
        other = run(ground.own / "nowhere", name, str(ground.requests))
        wrong += [f"{name}: {what}" for what in bounded(other, MOST_SECONDS * 3) if "without a word" not in what]
    return told, wrong


def written(own: Path) -> list[str]:
    """What is wrong with the files of a dry run that went well, in an innocent reader's eyes."""
    wrong = []
    for path in sorted(own.rglob("*")):
        if path.name.endswith(".json") and not path.is_symlink():
            wrong += [f"{path.name}: {what}" for what in _of_json(path)]
        elif path.name.endswith("-credentials.yaml"):
            wrong += [f"{path.name}: {what}" for what in _of_secret(path)]
        if FORGED in path.name or path.is_symlink():
            wrong.append(f"there is a file {path.name!a}")
    return wrong


def _of_json(path: Path) -> list[str]:
    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        value = json.loads(path.read_bytes(), parse_constant=refuse)
    except ValueError as error:
        return [f"no JSON: {error}"]
    if not path.name.endswith("-role.json"):
        return []
    (statement,) = json.loads(value["AssumeRolePolicyDocument"])["Statement"]
    (condition,) = statement["Condition"].values()
    subjects = next(values for key, values in condition.items() if key.endswith(":sub"))
    return [f"subject {one!a}" for one in subjects if not _SUBJECT.fullmatch(one)] or ([] if subjects else ["nobody"])


def _of_secret(path: Path) -> list[str]:
    found: Any = yaml.safe_load(path.read_text(encoding="utf-8").replace(UNKNOWN_ROLE, ""))
    if set(found) - {"apiVersion", "kind", "metadata", "stringData", "type"}:
        return [f"members {sorted(found)}"]
    place = found["metadata"]
    if path.name != f"{place['namespace']}-{place['name']}-credentials.yaml":
        return [f"it is for {place}"]
    lines = found["stringData"]["credentials"].splitlines()
    fit = len(lines) == len(_SAYS) and all(line.startswith(start) for line, start in zip(lines, _SAYS, strict=True))
    return [] if fit else [f"it says {lines}"]
