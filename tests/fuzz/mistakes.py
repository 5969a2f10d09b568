"""What can be wrong with the tree of a request: each mistake is a function that makes it somewhere."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz import nasty
from tests.fuzz.grammar import API, Draft, Map, Node, Raw, anywhere, maps, named, put

WORDS = (*nasty.CONTROLS, *nasty.UNICODE, *nasty.PATHS, *nasty.NAMES)
NUMBERS: tuple[Node, ...] = (0, -1, 1, 2**31, 2**63, 2**64, 10**30, 0.5, 1e300, True, False, None)


def another_type(draft: Draft) -> None:
    """Something of another kind in a value's place."""
    values: tuple[Node, ...] = ("", "text", [], ["a"], [[]], [None], Map([]), Map([["a", "b"]]), *NUMBERS)
    put(draft, [anywhere(draft)], draft.random.choice(values))


def a_fragment(draft: Draft) -> None:
    """YAML of a kind that a request has no use for."""
    put(draft, [anywhere(draft)], Raw(draft.random.choice(nasty.FRAGMENTS)))


def a_member_missing(draft: Draft) -> None:
    """A member left out."""
    found = [one for one in maps(list(draft.documents)) if one.pairs]
    if found:
        pairs = draft.random.choice(found).pairs
        del pairs[draft.random.randrange(len(pairs))]


def a_member_twice(draft: Draft) -> None:
    """A key that stands twice, with the same value or another."""
    found = [one for one in maps(list(draft.documents)) if one.pairs]
    if found:
        pairs = draft.random.choice(found).pairs
        key, value = draft.random.choice(pairs)
        again: Node = value if draft.random.random() < 0.5 else draft.random.choice(("x", None, [], Map([])))
        pairs.insert(draft.random.randrange(len(pairs) + 1), [key, again])


def a_member_renamed(draft: Draft) -> None:
    """A key misspelt, in another case, or of another kind."""
    pairs = draft.random.choice(list(maps(list(draft.documents))) or [Map([["a", "b"]])]).pairs
    if pairs:
        pair = draft.random.choice(pairs)
        text = pair[0] if isinstance(pair[0], str) else "key"
        changed: tuple[Node, ...] = (text.upper(), text[:-1], f"{text} ", f"{text}\0", Raw("<<"), Raw("? []"), 7, None)
        pair[0] = draft.random.choice((*changed, draft.random.choice(WORDS)))


def a_member_added(draft: Draft) -> None:
    """A key that nobody knows."""
    pairs = draft.random.choice(list(maps(list(draft.documents))) or [Map([])]).pairs
    key = draft.random.choice((*WORDS, "stsIAMRoleARN", "__proto__", "constructor", "finalizers"))
    pairs.append([key, draft.random.choice((*NUMBERS, key))])


def a_name(draft: Draft) -> None:
    """A word that is no name, where a name is wanted; or one at its limits."""
    place = draft.random.choice(("name", "namespace", "serviceAccountNames"))
    words = draft.random.choice((nasty.NAMES, nasty.NAMES, nasty.UNICODE, nasty.PATHS, nasty.CONTROLS))
    put(draft, named(draft, place), draft.random.choice(words))


def a_secret_of_another(draft: Draft) -> None:
    """The Secret of another request, or one whose file or role would have the same name."""
    secrets = (("a", "b-c"), ("a-b", "c"), ("a-b-c", "d"), ("a", "b-c-d"), ("a" * 63, "b" * 170), ("a" * 63, "b" * 171))
    for held, at in named(draft, "secretRef"):
        namespace, name = draft.random.choice(secrets)
        held[at] = Map([["namespace", namespace], ["name", name]])


def a_token_path(draft: Draft) -> None:
    """A path that is none, or that would end the profile's line."""
    word = draft.random.choice((*WORDS, "/" * 5000, "/a b", "/%s", "/a\nrole_arn = FORGED", "/" + "a" * 300_000))
    path = word if draft.random.random() < 0.5 else f"/{word}"
    specs = [held[at] for held, at in named(draft, "spec")]
    for spec in specs[:1]:
        if isinstance(spec, Map):
            spec.pairs.append(["cloudTokenPath", path])


def an_action(draft: Draft) -> None:
    """An action that is none."""
    put(draft, named(draft, "action"), draft.random.choice((*nasty.ACTIONS, *WORDS)))


def a_resource(draft: Draft) -> None:
    """A resource that is none."""
    put(draft, named(draft, "resource"), draft.random.choice((*nasty.RESOURCES, *WORDS)))


def an_effect(draft: Draft) -> None:
    """An effect that is neither of the two."""
    put(draft, named(draft, "effect"), draft.random.choice(("allow", "ALLOW", "Allow ", "\uff21llow", *WORDS)))


def a_statement(draft: Draft) -> None:
    """Statements of another shape, or too many."""

    def statement() -> Map:
        return Map([["effect", "Allow"], ["action", ["s3:GetObject"]], ["resource", "*"]])

    many: Node = [statement() for _ in range(200)]
    wrong: tuple[Node, ...] = ([], [[]], [None], statement(), many, ["Allow"], [Map([])], "*")
    value = draft.random.choice(wrong)
    for held, at in named(draft, "statementEntries"):
        held[at] = value


def a_condition(draft: Draft) -> None:
    """A condition that IAM does not know, or that JSON cannot hold."""
    random = draft.random
    values: tuple[Node, ...] = (
        *NUMBERS, [], [[]], ["a", 1, True], Map([]), Raw(".nan"), Raw(".inf"), random.choice(WORDS), "a" * 12_000,
    )  # fmt: skip
    keys: tuple[str, ...] = ("aws:RequestedRegion", "", "a", "aws:\u0441", "aws:PrincipalTag/x y", random.choice(WORDS))
    condition = Map([[random.choice(nasty.OPERATORS), Map([[random.choice(keys), random.choice(values)]])]])
    wrong: tuple[Node, ...] = (condition, condition, condition, [condition], "a", Map([["StringEquals", "a"]]), 7)
    for held, at in named(draft, "statementEntries")[:1]:
        entries = held[at]
        if isinstance(entries, list) and entries and isinstance(entries[0], Map):
            entries[0].pairs.append(["policyCondition", random.choice(wrong)])


def an_annotation(draft: Draft) -> None:
    """An annotation that means something, said strangely."""
    keys = ("release.openshift.io/delete", "release.openshift.io/feature-set", "capability.openshift.io/name")
    value = draft.random.choice(
        (*NUMBERS, "true", "TRUE", "TechPreviewNoUpgrade", ",,", "+", draft.random.choice(WORDS))
    )
    for held, at in named(draft, "annotations")[:1]:
        if isinstance(found := held[at], Map):
            found.pairs.append([draft.random.choice(keys), value])


def a_kind(draft: Draft) -> None:
    """Another kind, cloud or version."""
    values = ("GCPProviderSpec", "awsproviderspec", "ConfigMap", "List", "CredentialsRequestList", "v1", *WORDS)
    put(draft, named(draft, "kind", "apiVersion"), draft.random.choice(values))


def a_list_of_them(draft: Draft) -> None:
    """The documents as the items of a List, or of several, one in the other."""
    for _ in range(draft.random.choice((1, 1, 2, 40))):
        kind = draft.random.choice((("v1", "List"), (API, "CredentialsRequestList"), ("v2", "List")))
        held: Node = list(draft.documents)
        draft.documents = [Map([["apiVersion", kind[0]], ["kind", kind[1]], ["items", held]])]


def nesting(draft: Draft) -> None:
    """A value deep below itself."""
    depth, opened = draft.random.choice((50, 63, 64, 70, 3000, 100_000)), draft.random.choice(("[", "{a: "))
    put(draft, [anywhere(draft)], Raw(opened * depth + ("]" if opened == "[" else "}") * depth))


def huge(draft: Draft) -> None:
    """A scalar of a megabyte, or tens of thousands of values."""
    many = draft.random.choice((3000, 30_000))
    values: tuple[Callable[[], Node], ...] = (
        lambda: "a" * 1_000_000,
        lambda: "\u202e" * 300_000,
        lambda: "9" * 1_000_000,
        lambda: [*map(str, range(many))],
        lambda: [""] * many,
        lambda: Map([[f"k{number}", number] for number in range(many)]),
        lambda: Map([["same", "x"] for _ in range(many)]),
        lambda: Raw("\n" * 1_000_000),
        lambda: Raw(f"[{', '.join(['{}'] * many)}]"),
    )
    put(draft, [anywhere(draft)], draft.random.choice(values)())


def a_bomb(draft: Draft) -> None:
    """Aliases of aliases, plain or merged."""
    levels, wide = draft.random.choice(((9, 9), (30, 2), (3, 60), (400, 1)))
    lines = ["&b0 {x: y}" if draft.random.random() < 0.5 else "&b0 [x]"]
    for level in range(levels):
        inner = f"[{', '.join([f'*b{level}'] * wide)}]"
        lines.append(f"&b{level + 1} " + (f"{{<<: {inner}}}" if draft.random.random() < 0.3 else inner))
    put(draft, [anywhere(draft)], Raw(f"[{', '.join(lines)}]"))


def a_document(draft: Draft) -> None:
    """One more document, which is no request or the same once more."""
    more: tuple[Node, ...] = (None, "text", 7, [], Map([]), Map([["kind", "ConfigMap"]]), Map([["apiVersion", API]]))
    choice = draft.random.choice((*more, draft.random.choice(draft.documents)))
    draft.documents.insert(draft.random.randrange(len(draft.documents) + 1), choice)


TREE = (
    *(another_type, another_type, a_fragment, a_fragment, a_member_missing, a_member_twice, a_member_renamed),
    *(
        a_member_added,
        a_name,
        a_name,
        a_name,
        a_secret_of_another,
        a_token_path,
        an_action,
        a_resource,
        an_effect,
        a_statement,
        a_condition,
    ),
    *(a_condition, an_annotation, a_kind, a_list_of_them, nesting, huge, a_bomb, a_document),
)
"""What may be done to a tree; those that are there twice more often."""
