"""The keys whose tokens a running cluster takes, and which of them everybody else has to know."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from ccoctl.signing import jwks
from ccoctl.signing.jwk import Jwk, Kid
from ccoctl.signing.jwks import Jwks

NOT_PUBLISHED = "retired, or not published yet: nobody outside accepts its tokens"
"""What it means when a cluster trusts a key that is not published and that nothing signs with."""
PUBLISH = "publish it with `ccoctl aws rotate-signing-key` if the cluster is to sign with it"
"""What is to be done then, if anything."""


class Trusted(msgspec.Struct, frozen=True, kw_only=True):
    """A running cluster's keys: an API server goes on trusting a key after it was retired, and before it is used."""

    keys: Jwks
    signer: str = ""
    """The kid that tokens are signed with now; empty where nobody can tell."""
    named: frozenset[str] = frozenset()
    """The kids of the keys that the operator of the API server has it sign with, now and next."""
    hidden: str = ""
    """The rights that are missing to see all of that."""

    def to_publish(self, published: Jwks) -> Jwks:
        """Those of the keys that have to be in a set that is published already; those that are in it included.

        Where the set knows the key that is signed with, one that is missing may have been retired since somebody got
        hold of it, and nobody who trusts the set may be made to trust it again. A set that lost the cluster's keys is
        given all of them.
        """
        known = [key for key in self.keys.keys if jwks.has(published, key.kid)]
        if not known or (self.signer and not jwks.has(published, Kid(self.signer))):
            return self.keys
        used = {self.signer, *self.named}
        return replace(self.keys, keys=tuple(key for key in self.keys.keys if key in known or key.kid in used))

    def left_out(self, published: Jwks) -> tuple[Jwk, ...]:
        """The keys that are not published, and need not be."""
        wanted = self.to_publish(published).keys
        return tuple(key for key in self.keys.keys if key not in wanted)
