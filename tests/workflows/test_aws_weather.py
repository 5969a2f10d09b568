"""Whole commands in bad weather: throttled, failing, with answers that are lost after AWS acted."""

from __future__ import annotations

import re

import pytest

from ccoctl.lab.conditions import Weather
from tests.conftest import Count
from tests.workflows.weathering import LATER, LIVES, Place, Stage, differences, life, storm, undisturbed

pytestmark = pytest.mark.harness


def weathered(at: Place, name: str, seeds: range) -> int:
    """Each command of a life in a storm of its own, for each seed; how many commands there were."""
    stages = life(at, name)
    calm = undisturbed(at, stages)
    for seed in seeds:
        at.begin()
        for number, (stage, wanted) in enumerate(zip(stages, calm, strict=True)):
            at.run(stage, storm(seed * 100 + number))
            differ = "" if stage.looks else differences(wanted, at.state())
            assert not differ, f"{stage.name}, seed {seed}:\n{differ}"
    return len(stages) * len(seeds)


@pytest.mark.parametrize("name", ["public", "there", "private", "parts"])
def test_every_command_ends_in_a_storm_as_in_calm_weather(at: Place, name: str, count: Count) -> None:
    count(weathered(at, name, range(1)), IN_A_STORM)


def test_what_cloudfront_made_is_found_where_its_answer_was_lost(at: Place) -> None:
    """It takes a name once, and tells whoever asks again no more than that it is taken."""
    create, delete = life(at, "control")
    calm = undisturbed(at, (create, delete))
    for seed in (1, 5):
        at.begin()
        at.run(create, Weather(lost_answers=0.6, only=("cloudfront:Create*",), seed=seed))
        assert {call.code for call in at.aws.calls()} >= {
            "DistributionAlreadyExists",
            "OriginAccessControlAlreadyExists",
        }
        assert not differences(calm[0], at.state())


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("begin", range(0, 100, 20), ids="from {}".format)
@pytest.mark.parametrize("name", LIVES)
def test_every_command_ends_well_in_a_hundred_storms(at: Place, name: str, begin: int, count: Count) -> None:
    count(weathered(at, name, range(begin, begin + 20)), IN_A_STORM)


IN_A_STORM = "commands ended in a storm as in calm weather"


# faults that last

FOR_EVER = {
    "throttled": (Weather(throttle=1), 310.0),
    "failing": (Weather(server_errors=1), 15.0),
    "not available": (Weather(unavailable=1), 310.0),  # S3 tells a HEAD no more than 503, as when it throttles
    "reset": (Weather(connection_resets=1), 15.0),
    "denied": (Weather(deny=("*",)), 15.0),
}
"""What lasts, and the seconds after which a command must have given up looking at the account."""
_OPERATION = re.compile(r"\b(?:iam|s3|sts|cloudfront):[A-Z]\w+")


def outlasted(at: Place, stage: Stage, weather: Weather, deadline: float) -> None:
    """A command ends in a fault that lasts: in time, with the operation that failed and a way out."""
    begun = at.clock()
    done = at.run(stage, weather, code=None)
    assert done.code in {1, 3}, done.out + done.err
    assert _OPERATION.search(done.out + done.err), done.out + done.err
    assert re.search(r"^ +[A-Z].*", done.err, re.MULTILINE), done.err
    assert at.clock() - begun - LATER <= deadline, f"{stage.name}: {at.clock() - begun - LATER} seconds"


def healed(at: Place, name: str, weather: Weather, deadline: float) -> int:
    """Each command of a life, in a fault that lasts and then in calm weather; how many there were."""
    stages = life(at, name)
    calm = undisturbed(at, stages)
    at.begin()
    for stage, wanted in zip(stages, calm, strict=True):
        outlasted(at, stage, weather, deadline)
        at.run(stage)
        differ = "" if stage.looks else differences(wanted, at.state())
        assert not differ, f"{stage.name}:\n{differ}"
    return len(stages)


@pytest.mark.parametrize("fault", FOR_EVER)
def test_a_fault_that_lasts_is_told_in_time_and_the_next_run_heals(at: Place, fault: str, count: Count) -> None:
    count(healed(at, "parts", *FOR_EVER[fault]), HEALED)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", FOR_EVER)
@pytest.mark.parametrize("name", [name for name in LIVES if name != "parts"])
def test_every_command_tells_of_a_fault_that_lasts(at: Place, name: str, fault: str, count: Count) -> None:
    count(healed(at, name, *FOR_EVER[fault]), HEALED)


HEALED = "commands told of a fault that lasted, and healed"
