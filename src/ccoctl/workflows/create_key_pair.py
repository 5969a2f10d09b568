"""The signing key pair of a cluster: made once, checked and used again ever after.

The directory holds, with the names that the Go tool and the installer know,

- `serviceaccount-signer.private`: the private key, 0600, written first of all and never overwritten;
- `serviceaccount-signer.public`: its public half, derived again where it is missing;
- `tls/bound-service-account-signing-key.key`: a copy of the private key that the installer takes.

`inspect` looks without changing anything, `complete` writes what a pair that is there lacks, `generate` makes a key in
memory, `save` writes it; `create_key_pair` is all of it in a row.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import msgspec

from ccoctl.errors import FileError, SigningKeyError
from ccoctl.files import Change, read_bytes, read_if_present
from ccoctl.signing import keypair
from ccoctl.signing.jwk import Jwk, Kid, kid, to_jwk, to_public
from ccoctl.workflows.places import sweep_below, write_below
from ccoctl.workflows.private_keys import LIMIT, keep_out_of_core_dumps, read_private, read_private_if_present

PRIVATE = "serviceaccount-signer.private"
PUBLIC = "serviceaccount-signer.public"
INSTALLER = "tls/bound-service-account-signing-key.key"


class Done(Enum):
    """What was done with a file; the member's value is the word people and JSON see."""

    CREATED = "created"
    REUSED = "re-used"
    RESTORED = "restored"
    """It was missing and came back from the private key that was there."""


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """A checked key in memory; its private half is not shown by `repr`."""

    private_pem: bytes
    jwk: Jwk
    """The public half as it is published."""

    def __repr__(self) -> str:
        return f"SigningKey(jwk={self.jwk!r})"


class ExistingKeyPair(msgspec.Struct, frozen=True, kw_only=True):
    """What `inspect` found: a good private key, and which of the files made from it are there, too."""

    jwk: Jwk
    """Its public half as it is published."""
    has_public: bool
    has_installer: bool


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """One of the three files."""

    path: Path
    done: Done


class KeyPair(msgspec.Struct, frozen=True, kw_only=True):
    """The result: the key that is in the directory now, and what was done with each file."""

    jwk: Jwk
    """Its public half as it is published."""
    private: KeyFile
    public: KeyFile
    installer: KeyFile

    @property
    def kid(self) -> Kid:
        """The id that tokens signed with the key carry."""
        return kid(to_public(self.jwk))


def create_key_pair(directory: Path, *, bits: int = keypair.DEFAULT_SIZE) -> KeyPair:
    """Make a key pair, or check and use the one that is there, whatever its size.

    Raises:
        FileError: a file cannot be read, written or is not private.
        SigningKeyError: a half is damaged, foreign or without its private key, or no key of that size can be made.
    """
    existing = inspect(directory)
    return complete(directory, existing) if existing else save(directory, generate(bits))


def inspect(directory: Path) -> ExistingKeyPair | None:
    """The checked pair of a directory, or None where no file of one is there; changes nothing.

    Raises:
        FileError: a file cannot be read or is not private.
        SigningKeyError: a half is damaged, does not belong to the other, or the private one is missing.
    """
    private, public, installer = (directory / name for name in (PRIVATE, PUBLIC, INSTALLER))
    # the private key is written first, so it is looked for last: then another run's halfway state is never an orphan
    public_pem = read_if_present(public, limit=LIMIT)
    installer_pem, private_pem = read_private_if_present(installer), read_private_if_present(private)
    if private_pem is None:
        _refuse_orphans(directory, public=public_pem is not None, installer=installer_pem is not None)
        return None
    key = keypair.load_private(private_pem, where=str(private))
    if public_pem is not None and not keypair.matches(key, keypair.load_public(public_pem, where=str(public))):
        raise _foreign(private, public)
    if installer_pem not in {None, private_pem}:
        copy = keypair.load_private(installer_pem, where=str(installer))
        if not keypair.matches(key, copy.public_key()):
            raise _foreign(private, installer)
    return ExistingKeyPair(
        jwk=to_jwk(key.public_key()),
        has_public=public_pem is not None,
        has_installer=installer_pem is not None,
    )


def generate(bits: int = keypair.DEFAULT_SIZE) -> SigningKey:
    """A new key in memory.

    Raises:
        SigningKeyError: no key of that size can be made.
    """
    keep_out_of_core_dumps()
    private_pem = keypair.generate(bits)
    return SigningKey(private_pem=private_pem, jwk=to_jwk(keypair.load_private(private_pem).public_key()))


def save(directory: Path, key: SigningKey) -> KeyPair:
    """Write what is missing of the pair, the private key first.

    A private key that is there is never overwritten: where another run was quicker, its key is the one that counts,
    and the result says so. So take the key from the result.

    Raises:
        FileError: a file cannot be read, written or is not private.
        SigningKeyError: what is there is damaged or does not belong together.
    """
    if existing := inspect(directory):
        return complete(directory, existing)
    try:
        change = write_below(directory, PRIVATE, key.private_pem, mode=0o600, replace=False)
    except FileError:
        if quicker := inspect(directory):
            return complete(directory, quicker)
        raise
    new = ExistingKeyPair(jwk=key.jwk, has_public=False, has_installer=False)
    return complete(directory, new, created=change is Change.CREATED)


def complete(directory: Path, pair: ExistingKeyPair, *, created: bool = False) -> KeyPair:
    """Write what the private key in the directory lacks beside it.

    Raises:
        FileError: a file cannot be read, written or is not private.
        SigningKeyError: the private key is not the one any more that was looked at.
    """
    when_written = Done.CREATED if created else Done.RESTORED
    sweep_below(directory, (PRIVATE, INSTALLER))

    def file(name: str, content: Callable[[], bytes], mode: int, *, there: bool) -> KeyFile:
        path = directory / name
        if there:
            return KeyFile(path=path, done=Done.REUSED)
        change = write_below(directory, name, content(), mode=mode, replace=False)
        return KeyFile(path=path, done=Done.REUSED if change is Change.UNCHANGED else when_written)

    return KeyPair(
        jwk=pair.jwk,
        private=KeyFile(path=directory / PRIVATE, done=Done.CREATED if created else Done.REUSED),
        public=file(PUBLIC, lambda: keypair.public_pem(to_public(pair.jwk)), 0o644, there=pair.has_public),
        installer=file(INSTALLER, lambda: _private_half(directory, pair.jwk), 0o600, there=pair.has_installer),
    )


def _private_half(directory: Path, public: Jwk) -> bytes:
    """The private key's file, which is read again: until it is copied, nothing keeps it in memory."""
    path = directory / PRIVATE
    pem = read_private(path)
    if kid(keypair.load_private(pem, where=str(path)).public_key()) != public.kid:
        what = "This is another private key than it was a moment ago"
        raise SigningKeyError(what, where=str(path), remedy="Find out who replaced it, and run the command again.")
    return pem


def load_public_key_file(path: Path) -> Jwk:
    """The key of a `--public-key-file`, as it is published.

    Raises:
        FileError: the file cannot be read.
        SigningKeyError: it holds no public key that can be used.
    """
    return to_jwk(keypair.load_public(read_bytes(path, limit=LIMIT), where=str(path)))


def load_private_key_file(path: Path) -> keypair.PrivateKey:
    """The cluster's signing key.

    Raises:
        FileError: the file cannot be read, or others can read it.
        SigningKeyError: it holds no private key that can be used.
    """
    return keypair.load_private(read_private(path), where=str(path))


def _refuse_orphans(directory: Path, *, public: bool, installer: bool) -> None:
    """Half a pair is no reason to make a new one: the cluster may be signing with the other half."""
    private = directory / PRIVATE
    if installer:
        remedy = f"If it is this cluster's key, run: cp -p {_quoted(directory / INSTALLER)} {_quoted(private)}"
        what = f"The private key {PRIVATE} is missing, but the installer's copy of one is there"
        raise SigningKeyError(what, where=str(directory / INSTALLER), remedy=remedy)
    if public:
        remedy = (
            f"Put {PRIVATE} back, or give the public key alone with --public-key-file; to have a new pair made, "
            "move it away (tokens of a cluster that signs with the old key would then not be accepted any more)."
        )
        what = f"The public half of a key pair is there, but its private key {PRIVATE} is not"
        raise SigningKeyError(what, where=str(directory / PUBLIC), remedy=remedy)


def _foreign(private: Path, other: Path) -> SigningKeyError:
    remedy = f"Find out which of the two is the cluster's. If it is {private.name}, run: rm {_quoted(other)}"
    what = f"This does not belong to the private key {private.name} beside it: they are halves of two different pairs"
    if other.name != PUBLIC:
        what = f"This is not a copy of {private.name}, but another private key"
    return SigningKeyError(what, where=str(other), remedy=f"{remedy} and run the command again; it is made anew.")


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


__all__ = [
    "INSTALLER",
    "LIMIT",
    "PRIVATE",
    "PUBLIC",
    "Done",
    "ExistingKeyPair",
    "KeyFile",
    "KeyPair",
    "SigningKey",
    "complete",
    "create_key_pair",
    "generate",
    "inspect",
    "load_private_key_file",
    "load_public_key_file",
    "save",
]
