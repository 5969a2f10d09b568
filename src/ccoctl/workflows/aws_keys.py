"""Which signing key a set-up on AWS publishes: one given, the pair of the output directory, or a new one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from ccoctl.aws.steps import keys as steps
from ccoctl.engine.call import Answer, Call
from ccoctl.engine.cloud import Cloud
from ccoctl.errors import ConflictError, FileError
from ccoctl.signing.jwk import Jwk
from ccoctl.workflows import create_key_pair as pair
from ccoctl.workflows.aws_order import Order, Part
from ccoctl.workflows.places import refuse_blocked

if TYPE_CHECKING:
    from concurrent.futures import Future


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The public key to publish, and what is to be written of its pair once nothing stands in the way."""

    public: Jwk | None = None
    """None where roles alone are made, or where a plan is drawn before there is a key; one that is still being made has
    Outputs for its parts."""
    directory: Path | None = None
    """Where the pair belongs; None where the public key alone was given."""
    existing: pair.ExistingKeyPair | None = None
    """As it was found there."""
    new: Future[pair.SigningKey] | None = None
    """In memory, and not written yet."""
    notes: tuple[str, ...] = ()

    def check_place(self) -> None:
        """See, before anything else is done, that the pair can be written.

        Raises:
            Problems: what is in its way.
        """
        if self.directory is not None:
            refuse_blocked(self.directory, (pair.PRIVATE, pair.PUBLIC, pair.INSTALLER))

    def save(self) -> pair.KeyPair | None:
        """Write the new pair, or what an existing one lacks; the private key first.

        Raises:
            ConflictError: another run made a pair in the same directory meanwhile.
            FileError, SigningKeyError: it cannot be made or written, or what is there is damaged.
        """
        if self.directory is None:
            return None
        if self.existing is not None:
            return pair.complete(self.directory, self.existing)
        if self.new is None:
            return None
        new = self.new.result()
        saved = pair.save(self.directory, new)
        if saved.kid != new.jwk.kid:
            raise ConflictError(
                "another run made a key pair here meanwhile", where=str(self.directory), remedy="Run the command again."
            )
        return saved


def keys_for(order: Order, *, make_one: bool = True, wait: bool = True) -> Keys:
    """The key of an order; a new one is made in memory and not written yet.

    Args:
        order: what is wanted.
        make_one: False where the answer may also be that there is no key yet (a plan).
        wait: False where a new key may still be coming when the answer is needed.

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
        return Keys(public=existing.jwk, directory=order.output_dir, existing=existing)
    if not make_one:
        return Keys(notes=("there is no key pair yet; create-all makes one, and publishes it in keys.json",))
    new = _started(order.key_bits)
    return Keys(public=new.result().jwk if wait else steps.coming(), directory=order.output_dir, new=new)


def _started(bits: int) -> Future[pair.SigningKey]:
    """A key that is made in the background, where it takes a second or more and disturbs nobody."""
    import threading
    from concurrent.futures import Future

    coming: Future[pair.SigningKey] = Future()

    def make() -> None:
        try:
            coming.set_result(pair.generate(bits))
        except BaseException as error:
            coming.set_exception(error)

    # a daemon: a run that ends before the key is made has no use for it
    threading.Thread(target=make, name="key", daemon=True).start()
    return coming


class Saving:
    """A cloud that also performs the step which saves a key that is coming."""

    def __init__(self, cloud: Cloud, keys: Keys) -> None:
        """Nothing is saved yet; a pair that is there has what it lacks written, since no step does it.

        Raises:
            as `Keys.save`.
        """
        self._cloud = cloud
        self._keys = keys
        self.saved: pair.KeyPair | None = None
        if steps.is_coming(keys.public):
            keys.check_place()
        else:
            self.saved = keys.save()

    @property
    def keys(self) -> Keys:
        """With the key as it was saved; without one where it was not."""
        if not steps.is_coming(self._keys.public):
            return self._keys
        return replace(self._keys, public=self.saved.jwk if self.saved is not None else None)

    def perform(self, call: Call) -> Answer:
        """The cloud's answer, or the parts of the key that is on the disk by then.

        Raises:
            as the cloud's, and as `Keys.save`.
        """
        if call.service != steps.SERVICE:
            return self._cloud.perform(call)
        self.saved = self._keys.save()
        return steps.answer(self.saved.jwk) if self.saved is not None else {}


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
