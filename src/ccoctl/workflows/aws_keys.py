"""Which signing key a set-up on AWS publishes: one given, the pair of the output directory, or a new one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ccoctl.errors import ConflictError, FileError
from ccoctl.signing.jwk import Jwk
from ccoctl.workflows import create_key_pair as pair
from ccoctl.workflows.aws_order import Order, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The public key to publish, and what is to be written of its pair once nothing stands in the way."""

    public: Jwk | None = None
    """None where roles alone are made, or where a plan is drawn before there is a key."""
    directory: Path | None = None
    """Where the pair belongs; None where the public key alone was given."""
    new: pair.SigningKey | None = None
    notes: tuple[str, ...] = ()

    def save(self) -> pair.KeyPair | None:
        """Write the new pair, or what an existing one lacks; the private key first.

        Raises:
            ConflictError: another run made a pair in the same directory meanwhile.
            FileError, SigningKeyError: it cannot be written, or what is there is damaged.
        """
        if self.directory is None:
            return None
        if self.new is None:
            return pair.create_key_pair(self.directory)
        saved = pair.save(self.directory, self.new)
        if saved.kid != self.new.jwk.kid:
            raise ConflictError(
                "another run made a key pair here meanwhile", where=str(self.directory), remedy="Run the command again."
            )
        return saved


def keys_for(order: Order, *, make_one: bool = True) -> Keys:
    """The key of an order; a new one is made in memory and not written yet.

    Args:
        make_one: False where the answer may also be that there is no key yet (a plan).

    Raises:
        FileError, SigningKeyError: a key cannot be read, is damaged or unsafe.
    """
    if order.part is Part.IAM_ROLES:
        return Keys()
    if order.public_key_file is not None:
        return Keys(public=pair.load_public_key_file(order.public_key_file))
    if order.part is Part.IDENTITY_PROVIDER:
        return _public_of(order, make_one=make_one)
    existing = pair.inspect(order.output_dir)
    if existing is not None:
        return Keys(public=existing.key.jwk, directory=order.output_dir)
    if not make_one:
        return Keys(notes=("there is no key pair yet; create-all makes one, and publishes it in keys.json",))
    new = pair.generate(order.key_bits)
    return Keys(public=new.jwk, directory=order.output_dir, new=new)


def _public_of(order: Order, *, make_one: bool) -> Keys:
    path = order.output_dir / pair.PUBLIC
    if not path.exists():
        if not make_one:
            return Keys(notes=(f"there is no {path} yet; its key will be published in keys.json",))
        raise FileError(
            "there is no public key",
            where=str(path),
            remedy="Make a pair with `ccoctl aws create-key-pair`, or name the file with --public-key-file.",
        )
    return Keys(public=pair.load_public_key_file(path))
