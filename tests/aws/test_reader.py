"""What does not depend on each other is asked at the same time, as far as threads are free, and none waits for one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from ccoctl.aws.observe import find_role
from ccoctl.aws.observe_s3 import find_bucket, published
from ccoctl.aws.reader import Reader, reader
from ccoctl.engine.call import Answer, Call
from ccoctl.errors import CloudError, ErrorKind
from tests.aws.builders import settings


def echo(call: Call) -> Answer:
    return {"Asked": call.operation}


@pytest.mark.parametrize("concurrency", [1, 2, 3, 20])
def test_questions_within_questions_end_however_few_threads_there_are(concurrency: int) -> None:
    def deep(asked: Reader, level: int) -> int:
        if level == 0:
            return 1
        return sum(asked.together(*[partial(deep, asked, level - 1)] * 3))

    with reader(echo, concurrency) as asked:
        started = [asked.start(lambda: deep(asked, 3)) for _ in range(5)]
        assert [future.result(timeout=60) for future in started] == [27] * 5


def test_answers_are_in_the_order_of_the_questions() -> None:
    with reader(echo, 4) as asked:
        assert asked.together(*(partial(int, number) for number in range(50))) == list(range(50))


def test_an_error_is_whoever_asks_own() -> None:
    def fail() -> int:
        raise CloudError("no", kind=ErrorKind.PERMANENT)

    with reader(echo, 2) as asked, pytest.raises(CloudError, match="no"):
        asked.together(lambda: 1, fail, lambda: 2)


class Meeting:
    """A cloud that answers certain questions only once all of them are under way."""

    def __init__(self, *operations: str, answers: Callable[[Call], Answer]) -> None:
        self._meeting = {*operations}
        self._barrier = threading.Barrier(len(operations), timeout=30)
        self._answers = answers
        self.met: list[str] = []

    def perform(self, call: Call) -> Answer:
        name = f"{call.operation} {call.parameters.get('Key', '')}".strip()
        if name in self._meeting:
            self._barrier.wait()
            self.met.append(name)
        return self._answers(call)


def missing(_call: Call) -> Answer:
    raise CloudError("there is none", kind=ErrorKind.MISSING, code="NoSuchEntity")


def test_all_about_a_bucket_that_is_there_is_asked_at_once() -> None:
    operations = ("GetBucketTagging", "GetPublicAccessBlock", "GetBucketPolicy", "ListObjectsV2")
    cloud = Meeting(*operations, answers=lambda call: {"TagSet": []} if call.operation == "GetBucketTagging" else {})

    with reader(cloud.perform, 10) as asked:
        found = asked.start(lambda: find_bucket(asked, settings())).result()

    assert found is not None
    assert sorted(cloud.met) == sorted(operations)


def test_both_documents_and_their_tags_are_asked_for_at_once() -> None:
    keys = (".well-known/openid-configuration", "keys.json")
    wanted = [f"{operation} {key}" for operation in ("GetObject", "GetObjectTagging") for key in keys]
    cloud = Meeting(*wanted, answers=lambda call: {"Body": b"{}"} if call.operation == "GetObject" else {"TagSet": []})

    with reader(cloud.perform, 10) as asked:
        found = asked.start(lambda: published(asked, "b")).result()

    assert tuple(found) == keys
    assert sorted(cloud.met) == sorted(wanted)


def test_documents_that_are_not_there_are_none_whatever_their_tags_are() -> None:
    with reader(missing, 4) as asked:
        assert published(asked, "b") == {}


def test_the_policies_of_a_role_that_is_there_are_asked_for_at_once() -> None:
    def answers(call: Call) -> Answer:
        if call.operation == "GetRole":
            arn = "arn:aws:iam::123456789012:role/demo"
            return {"Role": {"RoleName": "demo", "Arn": arn, "Path": "/", "AssumeRolePolicyDocument": {}}}
        return {"PolicyNames": [], "AttachedPolicies": []} if call.operation != "GetRolePolicy" else missing(call)

    operations = ("GetRolePolicy", "ListRolePolicies", "ListAttachedRolePolicies")
    cloud = Meeting(*operations, answers=answers)

    with reader(cloud.perform, 10) as asked:
        role = asked.start(lambda: find_role(asked, "demo")).result()

    assert role is not None
    assert sorted(cloud.met) == sorted(operations)
