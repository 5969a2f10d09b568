"""A signing key that is still being made while a plan is drawn: a step saves it, and what publishes it waits for that.

Making a key takes a second or more, and only the JWKS needs it. Whoever carries the plan out performs the step's Call:
it saves the pair, and only then its public half is known to anybody.
"""

from __future__ import annotations

from ccoctl.aws.steps.common import Resource, Steps
from ccoctl.engine.call import Call, Output
from ccoctl.engine.plan import Action, Address
from ccoctl.signing.jwk import Jwk

SERVICE = "key pair"
"""The service of the one Call that saves it, with its parts as answer: `Kid`, `N` and `E`."""
_SAVED = "key/save"


def coming() -> Jwk:
    """An RSA key whose parts are Outputs of the step that saves it."""
    kid, n, e = (Output(step=_SAVED, path=path, placeholder=f"<{path} of the new key>") for path in ("Kid", "N", "E"))
    # a Jwk like any other to whoever puts it into a document, where Outputs may stand
    return Jwk(use="sig", kty="RSA", kid=kid, alg="RS256", n=n, e=e)  # type: ignore[arg-type] # worked out late


def answer(key: Jwk) -> dict[str, object]:
    """What the Call answers once the pair is saved."""
    return {"Kid": key.kid, "N": key.n, "E": key.e}


def is_coming(key: object) -> bool:
    """True for a key that is not known yet."""
    return isinstance(key, Jwk) and isinstance(key.kid, Output)


def key_steps(key: object) -> Steps:
    """The step that saves a key that is coming; no step for any other."""
    if not is_coming(key):
        return Steps()
    resource = Resource(Address("key pair", "serviceaccount-signer"), "key")
    resource.add("save", Action.CREATE, Call(service=SERVICE, operation="Save"), "save the new signing key pair")
    return resource.done()
