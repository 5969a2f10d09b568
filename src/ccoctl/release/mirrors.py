"""Where else an image may be: the mirrors that a cluster's image policies name.

Source: ImageContentSourcePolicy (operator.openshift.io/v1alpha1), ImageDigestMirrorSet and ImageTagMirrorSet
(config.openshift.io/v1), containers-registries.conf(5) for wildcards and for the most specific source going first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ccoctl.credentialsrequest.cursor import Cursor, shortened, shown
from ccoctl.credentialsrequest.document import documents
from ccoctl.errors import Problem, Problems, UsageError
from ccoctl.release.reference import Image, is_registry, split_repository

_MEMBERS = {
    ("ImageContentSourcePolicy", "operator.openshift.io/v1alpha1"): "repositoryDigestMirrors",
    ("ImageDigestMirrorSet", "config.openshift.io/v1"): "imageDigestMirrors",
    ("ImageTagMirrorSet", "config.openshift.io/v1"): "imageTagMirrors",
}
_NEVER = "NeverContactSource"
_MOST = 10_000


class Mirrors(msgspec.Struct, frozen=True, kw_only=True):
    """The mirrors of one source."""

    source: str
    """`registry[/path]`, or `*.domain` for all registries of a domain."""
    mirrors: tuple[str, ...]
    """In the order in which they are tried."""
    never_source: bool = False
    """The source itself is not tried."""
    tags_only: bool = False
    """Only for images that are named by a tag alone."""

    def suffix(self, image: Image) -> str | None:
        """What of the image's name follows the source, which moves along; None where this is another source's."""
        if self.source.startswith("*."):
            return f"/{image.repository}" if image.registry.endswith(self.source[1:]) else None
        if image.name == self.source:
            return ""
        return image.name[len(self.source) :] if image.name.startswith(f"{self.source}/") else None


def places(image: Image, rules: Iterable[Mirrors]) -> tuple[Image, ...]:
    """Where the image is looked for, in this order: the mirrors of the most specific source first, itself last.

    As `oc` does it, mirrors for digests are asked for images that are named by their tag, too: who names the file on
    the command line means it.
    """
    matching = [
        (rule, suffix)
        for rule in sorted(rules, key=lambda rule: -len(rule.source))
        if (suffix := rule.suffix(image)) is not None and not (rule.tags_only and image.digest)
    ]
    targets = [f"{mirror}{suffix}".partition("/") for rule, suffix in matching for mirror in rule.mirrors]
    found = [image.moved(registry, repository) for registry, _, repository in targets if repository]
    if not any(rule.never_source for rule, _ in matching):
        found.append(image)
    return tuple(dict.fromkeys(found))


def parse(file: str, data: bytes) -> tuple[Mirrors, ...]:
    """The rules of a file of policies, as a cluster or `oc mirror` writes it.

    Raises:
        Problems: with everything that is wrong in it.
    """
    text = documents(file, data)
    problems = list(text.problems)
    rules = [
        rule
        for document in text.documents
        if document.root.data is not None
        for rule in _policies(Cursor(file, document.number, document.root, problems))
    ]
    if not rules and not problems:
        problems.append(Problem(file, "names no mirrors"))
    if len(rules) > _MOST:
        problems.append(Problem(file, f"has more than {_MOST:,} rules"))
    if problems:
        raise Problems(tuple(problems))
    return tuple(rules)


def _policies(cursor: Cursor) -> Iterator[Mirrors]:
    kind, version = cursor.peek("kind"), cursor.peek("apiVersion")
    if kind.endswith("List"):
        listed = cursor.members().get("items")
        for item in listed.items() if listed is not None else ():
            yield from _policies(item)
        return
    if (kind, version) not in _MEMBERS:
        cursor.complain(
            f"{shown(kind) or 'this'} of {shown(version) or 'no version'} is no policy of mirrors; there are "
            + ", ".join(name for name, _ in _MEMBERS)
        )
        return
    spec = cursor.members(required=("spec",)).get("spec")
    listed = spec.members().get(_MEMBERS[kind, version]) if spec is not None else None
    for item in listed.items() if listed is not None else ():
        yield from _rule(item, tags_only=kind == "ImageTagMirrorSet")


def _rule(cursor: Cursor, *, tags_only: bool) -> Iterator[Mirrors]:
    members = cursor.members(required=("source",))
    if "source" not in members:
        return
    source = _location(members["source"], wildcard=True)
    mirrors = [_location(item, wildcard=False) for item in members["mirrors"].items()] if "mirrors" in members else []
    if source and mirrors:
        yield Mirrors(
            source=source,
            mirrors=tuple(filter(None, mirrors)),
            never_source=cursor.peek("mirrorSourcePolicy") == _NEVER,
            tags_only=tags_only,
        )


def _location(cursor: Cursor, *, wildcard: bool) -> str:
    """`registry`, `registry/path` or, of sources, `*.domain`; a name without a registry is Docker Hub's."""
    text = cursor.text().rstrip("/")
    if not text:
        return ""
    if wildcard and text.startswith("*.") and is_registry(text[2:]):
        return text
    try:
        if "/" in text:
            return "/".join(split_repository(text))
        if is_registry(text):
            return text
    except UsageError:
        pass
    cursor.complain(f"{shortened(text)!r} is neither a registry nor a repository")
    return ""
