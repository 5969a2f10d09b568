"""AWS, the issuers as the world sees them, a cluster and real tokens as one cloud for a migration's steps."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ccoctl.aws.desired import TOKEN_AUDIENCE
from ccoctl.aws.migration_calls import AS_WANTED, TOKENS, Source, look
from ccoctl.aws.migration_standing import Signing
from ccoctl.aws.sts import Aws, Sts
from ccoctl.engine.attempt import read
from ccoctl.engine.call import Answer, Call, at_path
from ccoctl.engine.cloud import Cloud
from ccoctl.errors import CloudError, ErrorKind, TokenError
from ccoctl.federation.claims import Claims
from ccoctl.federation.clock import iso
from ccoctl.federation.proof import Attempt
from ccoctl.federation.specimens import LIFETIME, KeyTokens
from ccoctl.federation.token import parse
from ccoctl.openshift import calls
from ccoctl.signing.keypair import PrivateKey
from ccoctl.workflows.reach import ISSUER


class MigrationCloud:
    """Performs the Calls about tokens itself, and leaves every other one to those who know it."""

    def __init__(
        self,
        world: Cloud,
        aws: Aws,
        *,
        clock: Callable[[], float],
        key: PrivateKey | None = None,
        cluster: Cloud | None = None,
    ) -> None:
        """Nothing is asked yet.

        Args:
            world: AWS, the issuers' documents and the cluster.
            aws: hands tokens to STS.
            clock: seconds since 1970, for tokens that are signed here.
            key: the cluster's signing key, where it is at hand.
            cluster: gives tokens of its own.
        """
        self._world = world
        self._sts = Sts(aws, patience=0.0)
        self._clock = clock
        self._key = key
        self._cluster = cluster
        self._signers: dict[str, KeyTokens] = {}
        self._lock = threading.Lock()

    def perform(self, call: Call) -> Answer:
        """The parsed answer; it never holds a token.

        Raises:
            CloudError: the cloud or the cluster refused or did not answer.
        """
        if call.service == ISSUER:
            return _in_words(self._world.perform(call))
        if call.service != TOKENS:
            return self._world.perform(call)
        return self._exchanged(call) if call.operation == "Exchange" else self._looked(call)

    def _exchanged(self, call: Call) -> Answer:
        issuer, account = str(call.parameters["Issuer"]), str(call.parameters["ServiceAccount"])
        role_arn = str(call.parameters["RoleArn"])
        if call.parameters["Source"] == Source.KEY.value:
            token = self._signed(issuer, account)
        else:
            given = self._given(account)
            if given is None:
                return {"Skipped": f"the cluster has no service account {account}"}
            token = given
            if (named := _claims(token).issuer) != issuer:
                what = f"{account} was given a token of {named}, not of {issuer}"
                raise CloudError(what, kind=ErrorKind.NOT_YET, operation=call.name)
        identity = self._sts.identity(self._sts.assume(role_arn, token, expected=False))
        if f":assumed-role/{role_arn.rpartition('/')[2]}/" not in identity:
            what = f"a token of {account} for {role_arn} made it {identity}"
            raise CloudError(what, kind=ErrorKind.PERMANENT, operation=call.name)
        return {"Identity": identity}

    def _looked(self, call: Call) -> Answer:
        wanted, accounts = call.parameters["Issuer"], call.parameters["ServiceAccounts"]
        for account in accounts if isinstance(accounts, list | tuple) else ():
            if (token := self._given(str(account))) is not None:
                claims = _claims(token)
                said = AS_WANTED if claims.issuer == wanted else f"for {claims.issuer}"
                return {"Said": said, "Issuer": claims.issuer, "At": iso(claims.issued_at)}
        what = "the cluster has none of the components' service accounts"
        remedy = "Check that --kubeconfig and --credentials-requests-dir belong together."
        raise CloudError(what, kind=ErrorKind.MISSING, operation=call.name, remedy=remedy)

    def _signed(self, issuer: str, account: str) -> str:
        if self._key is None:
            raise CloudError("the signing key is not at hand", kind=ErrorKind.PERMANENT)
        with self._lock:
            if issuer not in self._signers:
                self._signers[issuer] = KeyTokens(self._key, issuer=issuer, audience=TOKEN_AUDIENCE, clock=self._clock)
            signer = self._signers[issuer]
        return signer.token(account, Attempt.OWN_ROLE)

    def _given(self, account: str) -> str | None:
        """A token from the cluster; None where it has no such service account."""
        if self._cluster is None:
            raise CloudError("no cluster was named", kind=ErrorKind.PERMANENT)
        namespace, _, name = account.partition("/")
        try:
            answer = self._cluster.perform(calls.create_token(namespace, name, (TOKEN_AUDIENCE,), LIFETIME))
        except CloudError as error:
            if error.kind is ErrorKind.MISSING:
                return None
            raise
        return str(at_path(answer, "status.token") or "")


def signing_of(cloud: Cloud, cluster: Cloud, issuer: str, accounts: tuple[str, ...]) -> Signing:
    """What a cluster says of its tokens, compared with an issuer.

    Raises:
        CloudError: it cannot be asked.
    """
    try:
        named = read(cluster, calls.get_authentication())
    except CloudError as error:
        if error.kind is not ErrorKind.MISSING:
            raise
        named = None
    seen = read(cloud, look(issuer, accounts))
    return Signing(
        configured=str(at_path(named, "spec.serviceAccountIssuer") or "") if named is not None else None,
        version=str(at_path(named or {}, "metadata.resourceVersion") or ""),
        signs_for=str(seen.get("Issuer", "")),
    )


def _in_words(seen: Answer) -> Answer:
    """What the world sees of an issuer, so that whoever waits for it reads why."""
    kids = seen.get("Kids")
    listed = ", ".join(map(str, kids)) if isinstance(kids, list | tuple) and kids else "none"
    said = AS_WANTED if seen.get("AreSeen") is True else seen.get("Problem") or f"with the keys {listed} only"
    return {**seen, "Said": said}


def _claims(token: str) -> Claims:
    try:
        return parse(token).claims
    except TokenError as error:
        what = f"the cluster gave a token that is none: {error.what}"
        raise CloudError(what, kind=ErrorKind.PERMANENT) from error
