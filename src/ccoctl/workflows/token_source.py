"""Where the tokens of a proof come from: the signing key, a running cluster, or nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ccoctl.aws.desired import TOKEN_AUDIENCE
from ccoctl.errors import SigningKeyError
from ccoctl.federation.specimens import KeyTokens, Tokens
from ccoctl.signing.jwk import Jwk, to_jwk, to_public
from ccoctl.signing.keypair import PrivateKey
from ccoctl.workflows import create_key_pair as pair


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSource:
    """A key in memory, or the way to a cluster; with neither there are no tokens."""

    key: Jwk | None = None
    """The public half of the signing key, where it is known."""
    private: PrivateKey | None = field(default=None, repr=False)
    kubeconfig: Path | None = None

    @contextmanager
    def tokens(self, issuer: str, clock: Callable[[], float]) -> Iterator[Tokens | None]:
        """The tokens of an issuer, None where there are none; `clock` gives seconds since 1970.

        Raises:
            ClusterError: the kubeconfig cannot be used.
        """
        if self.private is not None:
            yield KeyTokens(self.private, issuer=issuer, audience=TOKEN_AUDIENCE, clock=clock)
        elif self.kubeconfig is not None:
            from ccoctl.openshift.cluster import KubeCluster
            from ccoctl.openshift.tokens import ClusterTokens

            with closing(KubeCluster(self.kubeconfig)) as cluster:
                yield ClusterTokens(cluster, audience=TOKEN_AUDIENCE)
        else:
            yield None


def token_source(
    *, private_key_file: Path | None = None, kubeconfig: Path | None = None, public_key_file: Path | None = None
) -> TokenSource:
    """Read what is named.

    Raises:
        FileError, SigningKeyError: a key cannot be read, is damaged or unsafe, or the two are of different pairs.
    """
    public = pair.load_public_key_file(public_key_file) if public_key_file is not None else None
    if private_key_file is not None:
        private = pair.load_private_key_file(private_key_file)
        own = to_jwk(private.public_key())
        if public is not None and to_public(public) != to_public(own):
            raise SigningKeyError(
                f"the private key {private_key_file} does not belong to this public key",
                where=str(public_key_file),
                remedy="Name both halves of the cluster's pair with --private-key-file and --public-key-file, or the "
                "cluster with --kubeconfig, which issues the tokens then.",
            )
        return TokenSource(key=own, private=private)
    return TokenSource(key=public, kubeconfig=kubeconfig)
