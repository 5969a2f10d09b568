"""One call, tried until it is done or there is no hope."""

from __future__ import annotations

import pytest

from ccoctl.engine.attempt import CHANGED, READING, Attempts, with_retries
from ccoctl.engine.call import Answer, Call, Listed, Unchanged, Written
from ccoctl.errors import CloudError, ErrorKind, InterruptedRunError
from tests.engine.simulated import FakeClock, SimulatedCloud, attempts, failure

CALL = Call(service="cloud", operation="a")


def test_the_last_error_is_the_one_that_is_told() -> None:
    cloud = SimulatedCloud(failures={"a": [failure(ErrorKind.TRANSIENT, "First"), failure(ErrorKind.DENIED, "Last")]})

    with pytest.raises(CloudError, match="Last"):
        with_retries(cloud, CALL, attempts())


def test_whoever_listens_hears_the_attempt_the_pause_and_the_reason() -> None:
    heard: list[tuple[int, float, str]] = []
    cloud = SimulatedCloud(failures={"a": [failure(ErrorKind.NOT_YET, "NoSuchEntity")] * 3})

    answer, tries = with_retries(
        cloud, CALL, attempts(), lambda attempt, pause, error: heard.append((attempt, pause, error.code))
    )

    assert (answer, tries) == ({"Id": "id-of-a"}, 4)
    assert heard == [(1, 0.25, "NoSuchEntity"), (2, 0.5, "NoSuchEntity"), (3, 1.0, "NoSuchEntity")]


def test_chance_spreads_those_that_were_turned_away_together() -> None:
    def pauses(chance: float) -> list[float]:
        clock = FakeClock()
        cloud = SimulatedCloud(failures={"a": [failure(ErrorKind.THROTTLED)] * 2})
        with_retries(cloud, CALL, Attempts(clock=clock, chance=lambda: chance))
        return clock.pauses

    assert (pauses(0.0), pauses(1.0)) == ([0.25, 0.5], [0.5, 1.0])


def test_a_stop_ends_the_pause_and_no_further_attempt_is_made() -> None:
    how = attempts()
    cloud = SimulatedCloud(failures={"a": [failure(ErrorKind.THROTTLED)] * 9}, on_call=lambda _call: how.stop.set())

    with pytest.raises(InterruptedRunError):
        with_retries(cloud, CALL, how)

    assert len(cloud.asked) == 1


def test_each_kind_of_error_is_waited_out_by_itself() -> None:
    """Throttled for minutes and a reset now and then: no kind takes the other's time, nor its turn."""
    mixed = [failure(ErrorKind.THROTTLED), failure(ErrorKind.TRANSIENT)] * 5
    clock, heard = FakeClock(), list[float]()
    cloud = SimulatedCloud(failures={"a": mixed})

    answer, tries = with_retries(cloud, CALL, attempts(clock), lambda _attempt, pause, _error: heard.append(pause))

    assert (answer, tries) == ({"Id": "id-of-a"}, 11)
    assert heard == [0.5, 0.25, 1.0, 0.5, 2.0, 1.0, 4.0, 2.0, 8.0, 4.0]


def test_the_time_of_one_kind_is_over_whatever_came_between() -> None:
    """Ten seconds of a broken network while the account is looked at, a minute of throttling beside them."""
    clock = FakeClock()
    cloud = SimulatedCloud(failures={"a": [failure(ErrorKind.THROTTLED), failure(ErrorKind.TRANSIENT, "Reset")] * 20})

    with pytest.raises(CloudError, match=r"Reset \(given up after 14 attempts in 62 seconds\)") as raised:
        with_retries(cloud, CALL, Attempts(policy=READING, clock=clock, chance=lambda: 1.0))

    assert "run the command again" in raised.value.remedy
    assert clock.time == 10.0 + sum([0.5, 1, 2, 4, 8, 16, 20])


def test_what_is_there_after_a_refusal_is_somebody_elses() -> None:
    """Whoever was throttled made nothing, so what exists at the next attempt was made by another meanwhile."""
    call = Call(service="cloud", operation="a", tolerate_again=frozenset({"Exists"}))
    cloud = SimulatedCloud(failures={"a": [failure(ErrorKind.THROTTLED), failure(ErrorKind.EXISTS, "Exists")]})

    with pytest.raises(CloudError, match="Exists"):
        with_retries(cloud, call, attempts())


LISTED = Listed(operation="List", member="Things", name="Comment", value="ours", answers="Thing")


def test_an_answer_that_was_lost_is_found_in_a_list_however_long() -> None:
    call = Call(service="cloud", operation="a", tolerate_again=frozenset({"Exists"}), listed=LISTED)
    pages: list[Answer] = [
        {"Things": {"Items": [{"Comment": "theirs", "Id": "1"}], "NextMarker": "2"}},
        {"Things": {"Items": [{"Comment": "ours", "Id": "3"}]}},
    ]
    failures = [failure(ErrorKind.TRANSIENT), failure(ErrorKind.EXISTS, "Exists")]
    cloud = SimulatedCloud(failures={"a": failures}, answers={"List": pages})

    answer, _ = with_retries(cloud, call, attempts())

    assert answer == {"Thing": {"Comment": "ours", "Id": "3"}}
    assert [asked.parameters for asked in cloud.asked if asked.operation == "List"] == [{}, {"Marker": "2"}]


def test_what_is_in_no_list_was_not_ours() -> None:
    call = Call(service="cloud", operation="a", tolerate_again=frozenset({"Exists"}), listed=LISTED)
    failures = [failure(ErrorKind.TRANSIENT), failure(ErrorKind.EXISTS, "Exists")]
    cloud = SimulatedCloud(failures={"a": failures}, answers={"List": [{"Things": {"Items": []}}]})

    with pytest.raises(CloudError, match="Exists"):
        with_retries(cloud, call, attempts())


WRITTEN = Written(question=Call(service="cloud", operation="Get"), same={"Body": "Body"})
PUT = Call(
    service="cloud",
    operation="Put",
    parameters={"Body": "für uns"},
    tolerate_again=frozenset({"Exists"}),
    written=WRITTEN,
)


def put(found: Answer | CloudError) -> SimulatedCloud:
    """A cloud that loses the first answer to `PUT`, and then says that something is there."""
    failures = {"Put": [failure(ErrorKind.TRANSIENT), failure(ErrorKind.EXISTS, "Exists")]}
    if isinstance(found, CloudError):
        return SimulatedCloud(failures={**failures, "Get": [found]})
    return SimulatedCloud(failures=failures, answers={"Get": [found]})


def test_what_is_there_is_ours_where_it_is_what_we_sent() -> None:
    cloud = put({"Body": "für uns".encode()})

    assert with_retries(cloud, PUT, attempts()) == ({}, 2)
    assert [asked.operation for asked in cloud.asked] == ["Put", "Put", "Get"]


@pytest.mark.parametrize(
    "found",
    [{"Body": b"from another run at that moment"}, {"Body": b""}, {}, failure(ErrorKind.DENIED, "AccessDenied")],
    ids=["other content", "nothing in it", "no such member", "not to be read"],
)
def test_what_is_there_and_not_what_we_sent_is_somebody_elses(found: Answer | CloudError) -> None:
    with pytest.raises(CloudError, match="Exists"):
        with_retries(put(found), PUT, attempts())


def test_what_is_there_at_the_first_attempt_is_not_even_looked_at() -> None:
    cloud = SimulatedCloud(failures={"Put": [failure(ErrorKind.EXISTS, "Exists")]})

    with pytest.raises(CloudError, match="Exists"):
        with_retries(cloud, PUT, attempts())

    assert [asked.operation for asked in cloud.asked] == ["Put"]


SEEN = Unchanged(question=Call(service="cloud", operation="Get"), member="Role.Trust", was={"Statement": ["a"]})
REPLACE = Call(service="cloud", operation="Replace", unchanged=SEEN)


@pytest.mark.parametrize("there", [{"Statement": ["a"]}, '{"Statement": ["a"]}'], ids=["parsed", "as text"])
def test_what_is_there_as_it_was_seen_is_replaced(there: object) -> None:
    cloud = SimulatedCloud(
        failures={"Replace": [failure(ErrorKind.THROTTLED)]}, answers={"Get": [{"Role": {"Trust": there}}]}
    )

    assert with_retries(cloud, REPLACE, attempts())[1] == 2
    assert [asked.operation for asked in cloud.asked] == ["Get", "Replace", "Replace"]


@pytest.mark.parametrize("there", [{"Statement": ["a", "b"]}, "no JSON", "[" * 100_000, None])
def test_what_is_not_there_as_it_was_seen_is_left_alone(there: object) -> None:
    cloud = SimulatedCloud(answers={"Get": [{"Role": {"Trust": there}}]})

    with pytest.raises(CloudError, match="was not asked for, since it would replace another") as raised:
        with_retries(cloud, REPLACE, attempts())

    assert (raised.value.code, raised.value.remedy) == ("PreconditionFailed", CHANGED)
    assert [asked.operation for asked in cloud.asked] == ["Get"]


class Endless:
    """A cloud that loses its first answer, and whose list always has one more page."""

    def __init__(self) -> None:
        self.asked = 0

    def perform(self, call: Call) -> Answer:
        self.asked += 1
        assert self.asked < 5000, "a list without end is read without end"
        if call.operation == "List":
            return {"Things": {"Items": [{"Comment": "theirs"}], "NextMarker": str(self.asked)}}
        raise failure(ErrorKind.TRANSIENT) if self.asked == 1 else failure(ErrorKind.EXISTS, "Exists")


def test_a_list_without_end_is_given_up() -> None:
    call = Call(service="cloud", operation="a", tolerate_again=frozenset({"Exists"}), listed=LISTED)

    with pytest.raises(CloudError, match="the list has no end"):
        with_retries(Endless(), call, attempts())
