"""Walking down a document: every value with its path, and a place to complain about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from ccoctl.credentialsrequest.document import MAX_PROBLEMS, Value, note, shortened, shown
from ccoctl.errors import Problem

_LONGEST_GUESS = 60


class Cursor(msgspec.Struct, frozen=True):
    """A value at its path in a document of a file."""

    file: str
    document: int
    value: Value
    problems: list[Problem]
    """Where complaints go; shared by all cursors of a document."""
    path: str = ""

    def complain(self, what: str) -> None:
        """Note what is wrong with this value."""
        parts = [f"{self.file}:{self.value.line}", f"document {self.document}", *([self.path] if self.path else [])]
        note(self.problems, Problem(": ".join(parts), what))

    def members(self, *, known: Collection[str] = (), required: Collection[str] = ()) -> dict[str, Cursor]:
        """The mapping's members; one that is null counts as left out, as Kubernetes has it.

        Args:
            known: the only members there may be; empty when others do no harm.
            required: members that must be there.
        """
        if not isinstance(self.value.data, Mapping):
            self.complain(f"must be a mapping, not {self.noun}")
            return {}
        found = {name: self._member(name, value) for name, value in self.value.data.items()}
        for name, member in found.items():
            if known and name not in known and len(self.problems) <= MAX_PROBLEMS:
                member.complain(f"there is no such member{suggestion(name, known)}")
        present = {name: member for name, member in found.items() if member.value.data is not None}
        for name in required:
            if name not in present:
                self.complain(f"{name} is missing")
        return present

    def items(self) -> Iterator[Cursor]:
        """The members of a list."""
        if not isinstance(self.value.data, tuple):
            self.complain(f"must be a list, not {self.noun}")
            return
        for number, value in enumerate(self.value.data):
            yield self._at(value, f"{self.path}[{number}]")

    def text(self) -> str:
        """The string; empty, with a complaint, when it is something else."""
        if isinstance(self.value.data, str):
            return self.value.data
        hint = "; put it in quotes" if isinstance(self.value.data, bool | int | float) else ""
        self.complain(f"must be a string, not {self.noun}{hint}")
        return ""

    def peek(self, *names: str) -> str:
        """The string some members down, or nothing; complains about nothing."""
        data = self.value.data
        for name in names:
            data = data[name].data if isinstance(data, Mapping) and name in data else None
        return data if isinstance(data, str) else ""

    @property
    def noun(self) -> str:
        """What kind of value this is, for sentences."""
        match self.value.data:
            case None:
                return "nothing"
            case bool():
                return f"the boolean {str(self.value.data).lower()}"
            case int() | float():
                return f"the number {self.value.data}"
            case str():
                return "a string"
            case tuple():
                return "a list"
            case _:
                return "a mapping"

    def _member(self, name: str, value: Value) -> Cursor:
        step = f'["{shown(name)}"]' if "." in name or not name.isprintable() else f".{shown(name)}"
        return self._at(value, f"{self.path}{step}".removeprefix("."))

    def _at(self, value: Value, path: str) -> Cursor:
        return Cursor(self.file, self.document, value, self.problems, path)


def suggestion(word: str, known: Collection[str]) -> str:
    """`; did you mean X?` when the word is nearly one of those known, else the ones there are."""
    import difflib  # for what is wrong alone

    folded = {name.casefold(): name for name in known}
    # comparing is quadratic in the lengths
    near = difflib.get_close_matches(word.casefold(), folded, n=1) if len(word) <= _LONGEST_GUESS else []
    return f"; did you mean {folded[near[0]]}?" if near else f"; there are {', '.join(sorted(known))}"


__all__ = ["Cursor", "shortened", "shown", "suggestion"]
