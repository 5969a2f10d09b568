"""A process that is killed in the middle of its work: what it asked for was done, and it never hears of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ccoctl.engine.call import Answer, Call
from ccoctl.engine.cloud import Cloud
from ccoctl.lab.operations import is_changing


class Killed(BaseException):
    """Nobody catches it: the process is gone."""


def changes_the_account(call: Call) -> bool:
    """True for a call of AWS that changes something."""
    return is_changing(call.operation) and call.service != "tls"


@dataclass
class MortalCloud:
    """A cloud whose process is killed right after its n-th change (from 0) was made."""

    cloud: Cloud
    left: int
    changes: Callable[[Call], bool] = changes_the_account
    dead: bool = False

    def perform(self, call: Call) -> Answer:
        if self.dead:
            raise Killed
        answer = self.cloud.perform(call)
        if self.changes(call):
            self.left -= 1
            self.dead = self.left < 0
        if self.dead:
            raise Killed
        return answer
