"""Every error that a user can meet, in one tree.

CcoctlError                 says what, where and what to do; exit code 1
├── UsageError              the command line is wrong; exit code 2
├── Problems                several things are wrong with the input, all of them at once
├── FileError               a file cannot be read or written
├── SigningKeyError         a key, a JWKS or a discovery document is damaged, foreign or unsafe
├── DocumentError           an issuer's document cannot be fetched, or is not the one it should be
├── TokenError              a token is damaged or does not hold; `problem` says why
├── ProxyError              a proxy of the environment is none; told as what it was to lead to, where that has an error
├── ConflictError           something of that name exists and is not ours
├── CloudError              a cloud answered with an error, or did not answer
├── BrokenError             an answer of AWS is none, or not whole; told as a CloudError (aws/answers.py)
├── ClusterError            a cluster answered with an error, or did not answer
├── ImageError              an image cannot be fetched, or is not what it should be
├── ApplyError              some steps of a plan failed; its message lists what was done and what was not
└── InterruptedRunError     the user stopped the run; exit code 130
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


def in_line(text: str) -> str:
    """Text of a stranger within a line of ours: line ends, and whatever else is not to be seen, as escapes."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def spaced(text: str) -> str:
    """The same with a space for each of them, where prose is shown and not a name."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


class CcoctlError(Exception):
    """A failure told to the user as `what`, `where` it happened and the way out (`remedy`)."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        """Keep the three parts apart, so that text and JSON can word them each in its way."""
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{in_line(self.where)}: " if self.where else ""
        way_out = f"\n  {self.remedy}" if self.remedy else ""
        return f"{place}{self.what}{way_out}"


class UsageError(CcoctlError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class Problem(NamedTuple):  # a Struct's library would be loaded for every command line that is mistyped
    """One thing that is wrong with the input: `where` is `file:line: document N: path` as far as it is known."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{in_line(self.where)}: {self.what}" if self.where else self.what


class Problems(CcoctlError):
    """All that is wrong with the input, found in one go and before anything was called."""

    def __init__(self, problems: tuple[Problem, ...], *, what: str = "", remedy: str = "") -> None:
        """`what` is the headline; by default it counts the problems."""
        count = len(problems)
        super().__init__(what or f"{count} problem{'' if count == 1 else 's'} in the input", remedy=remedy)
        self.problems = problems

    def __str__(self) -> str:
        lines = [*map(str, self.problems), self.what]
        if self.remedy:
            lines.append(f"  {self.remedy}")
        return "\n".join(lines)


class FileError(CcoctlError):
    """A file or directory cannot be read, written or trusted."""


class SigningKeyError(CcoctlError):
    """A signing key, JWKS or discovery document is damaged, foreign or unsafe."""


class DocumentError(CcoctlError):
    """A discovery document or JWKS cannot be fetched, or does not belong to its issuer."""

    def __init__(self, what: str, *, where: str = "", remedy: str = "", may_pass: bool = False) -> None:
        """`may_pass`: a moment later it may be there, since it is the server or the way to it that failed."""
        super().__init__(what, where=where, remedy=remedy)
        self.may_pass = may_pass


class TokenProblem(Enum):
    """Why a token is refused."""

    SHAPE = "not a token"
    ALGORITHM = "algorithm"
    KEY = "unknown key"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    NOT_YET = "not valid yet"
    LIFETIME = "lives too long"
    CLAIMS = "claims"
    ISSUER = "issuer"
    AUDIENCE = "audience"


class TokenError(CcoctlError):
    """A service account token is damaged, does not hold, or cannot be issued as asked."""

    def __init__(self, what: str, *, problem: TokenProblem, where: str = "", remedy: str = "") -> None:
        """`problem` is what a cloud's answer depends on."""
        super().__init__(what, where=where, remedy=remedy)
        self.problem = problem


class ProxyError(CcoctlError):
    """A variable of the environment names a proxy that is none; what it holds may be a password, and goes unsaid."""


class ConflictError(CcoctlError):
    """Something with our name exists and is not tagged as ours, or is ours but cannot become what is wanted."""


class ErrorKind(Enum):
    """What a cloud's error means for the caller; one table for each cloud maps its codes here."""

    TRANSIENT = "transient"
    """Try again soon: no answer, a reset connection, a 5xx."""
    THROTTLED = "throttled"
    """Try again later, slower."""
    NOT_YET = "not yet"
    """Eventual consistency: what the call names was made a moment ago and is not seen everywhere."""
    MISSING = "missing"
    """What the call names does not exist."""
    EXISTS = "exists"
    """What the call would make exists already."""
    DENIED = "denied"
    """The caller may not do this; `CloudError.actions` says what is missing."""
    PERMANENT = "permanent"
    """Trying again would not help."""


class CloudError(CcoctlError):
    """A cloud refused a call, or could not be reached.

    `kind` says whether to try again; `code` is the cloud's own word; `operation` is `service:Operation`; `actions`
    names the permissions that were missing when `kind` is DENIED.
    """

    def __init__(
        self,
        what: str,
        *,
        kind: ErrorKind,
        code: str = "",
        operation: str = "",
        actions: tuple[str, ...] = (),
        where: str = "",
        remedy: str = "",
    ) -> None:
        """Keep what the executor and the report need beside the sentence."""
        super().__init__(what, where=where, remedy=remedy)
        self.kind = kind
        self.code = code
        self.operation = operation
        self.actions = actions


class ClusterError(CcoctlError):
    """A cluster's API refused or did not answer, or its kubeconfig cannot be used."""


class ImageError(CcoctlError):
    """A release image cannot be fetched, is damaged, or is none; `kind` says whether trying again may help."""

    def __init__(self, what: str, *, kind: ErrorKind = ErrorKind.PERMANENT, where: str = "", remedy: str = "") -> None:
        """By default it would be the same again."""
        super().__init__(what, where=where, remedy=remedy)
        self.kind = kind


class ApplyError(CcoctlError):
    """A plan was carried out in part: the message lists root causes, what was done and what was not."""


class InterruptedRunError(CcoctlError):
    """The user stopped the run; running calls were let end and nothing new was started."""

    exit_code = 130
