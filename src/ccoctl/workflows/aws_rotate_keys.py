"""The key that a rotation leads to: one given, or a pair of its own directory beside the ones before it.

The pair that `create-all` made is in the output directory itself; the one of the first rotation is in `signing-key-2`
in there, that of the next one in `signing-key-3`, and so on. No pair is ever replaced, and a run that was interrupted
finds the one that it made. A file beside a pair says that its key was published: one that is not any more was retired,
and is never used again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ccoctl.aws.rotation_plans import KEYS
from ccoctl.engine.call import Call
from ccoctl.engine.plan import Result, State
from ccoctl.errors import FileError
from ccoctl.signing import keypair
from ccoctl.signing.jwk import Jwk
from ccoctl.workflows import create_key_pair as pair
from ccoctl.workflows.places import refuse_links, write_below

FOLDER = "signing-key-"
PUBLISHED = "published"
"""The file that says it, with the key's kid."""
_NUMBERED = re.compile(rf"{FOLDER}([1-9][0-9]{{0,5}})", re.ASCII)


class NewPair(msgspec.Struct, frozen=True, kw_only=True):
    """A pair that is there, or is to be written with `save`."""

    directory: Path
    key: pair.ExistingKeyPair | pair.SigningKey
    """As it was found, or in memory alone."""

    @property
    def is_there(self) -> bool:
        """True where it was found."""
        return isinstance(self.key, pair.ExistingKeyPair)

    @property
    def public(self) -> Jwk:
        """Its public half as it is published."""
        return self.key.jwk

    @property
    def private_file(self) -> Path:
        """Where its private half is, or will be."""
        return self.directory / pair.PRIVATE

    def save(self) -> None:
        """Write what is missing of it.

        Raises:
            FileError, SigningKeyError: it cannot be written, or what is there is damaged or another one.
        """
        if isinstance(self.key, pair.ExistingKeyPair):
            pair.complete(self.directory, self.key)
        elif pair.save(self.directory, self.key).kid != self.key.jwk.kid:
            raise FileError("another run made a key pair here meanwhile", where=str(self.directory))

    def note_published(self) -> None:
        """Have later rotations know that the key is no secret of ours alone any more.

        Raises:
            FileError: it cannot be written.
        """
        write_below(self.directory, PUBLISHED, f"{self.public.kid}\n".encode(), mode=0o644)


def new_pair(
    output_dir: Path, used: Iterable[str], *, published: Iterable[str] = (), bits: int = keypair.DEFAULT_SIZE
) -> NewPair:
    """The newest pair of a rotation where its key is not in use yet, else a new one, in memory.

    Args:
        output_dir: where the pairs are.
        used: the kids that the cluster signs or has signed with, as far as that is known.
        published: the kids that are published.
        bits: of a new key.

    Raises:
        FileError, SigningKeyError: a pair that is there is damaged or unsafe.
    """
    newest = max(_numbers(output_dir), default=1)
    if newest > 1:
        directory = output_dir / f"{FOLDER}{newest}"
        refuse_links(output_dir, f"{directory.name}/{pair.PRIVATE}")
        there = pair.inspect(directory)
        if there is None:
            return NewPair(directory=directory, key=pair.generate(bits))
        is_retired = there.jwk.kid not in set(published) and (directory / PUBLISHED).exists()
        if there.jwk.kid not in set(used) and not is_retired:
            return NewPair(directory=directory, key=there)
    return NewPair(directory=output_dir / f"{FOLDER}{newest + 1}", key=pair.generate(bits))


def published_by(result: Result) -> tuple[str, ...]:
    """The kids of the key sets that a run published; a file is published by whoever serves it."""
    return tuple(
        kid
        for outcome in result.of(State.DONE)
        if outcome.step.id == KEYS and isinstance(outcome.step.work, Call)
        for change in outcome.step.changes
        for kid in (change.new if isinstance(change.new, list) else ())
    )


def _numbers(output_dir: Path) -> list[int]:
    try:
        return [int(found[1]) for path in output_dir.iterdir() if (found := _NUMBERED.fullmatch(path.name))]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FileError(f"The directory cannot be read: {error.strerror}", where=str(output_dir)) from error


__all__ = ["FOLDER", "PUBLISHED", "NewPair", "new_pair", "published_by"]
