"""What a rotation must not do: lose somebody's key, retire one too early, or touch another cluster's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from ccoctl.aws.rotation import SIGNING_SINCE, Record, Stage, Use, key_states, record_of, stage
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.plan import State
from ccoctl.errors import CcoctlError, ConflictError, FileError, Problems
from ccoctl.federation.https import Fetched
from ccoctl.lab.conditions import Conditions
from ccoctl.lab.server import EmbeddedAws
from ccoctl.lab.server import embedded_aws as serve
from ccoctl.render.show import plan_json, plan_text
from ccoctl.signing import discovery
from ccoctl.workflows.aws_rotate import look, prepare
from ccoctl.workflows.aws_rotate_keys import new_pair
from ccoctl.workflows.aws_rotate_told import advice
from ccoctl.workflows.cluster_permissions import roles_for
from ccoctl.workflows.create_key_pair import PRIVATE, PUBLIC, load_private_key_file
from tests.federation.forgery import ec_key, rsa_key
from tests.openshift.access import User
from tests.workflows.commands import Cli, client
from tests.workflows.rotating import Before, Deaf, Lab, Start, kid_of, starting
from tests.workflows.traffic import Clock

DAY = 86400


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def embedded_aws(clock: Clock) -> Iterator[EmbeddedAws]:
    with serve(Conditions(distribution_delay=0), clock=clock) as aws:
        yield aws


@pytest.fixture
def start(
    cli: Cli, common: list[str], key_pair: Path, requests_dir: Path, tmp_path: Path, clock: Clock
) -> Iterator[Start]:
    with starting(cli, common, key_pair, requests_dir, tmp_path, clock) as start:
        yield start


def public_file(directory: Path, name: str, key: Any = None) -> Path:
    """A public key in a file."""
    public = (key or rsa_key(name)).public_key()
    path = directory / f"{name}.public"
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    path.write_bytes(public.public_bytes(serialization.Encoding.PEM, form))
    return path


def body(lab: Lab, key: str) -> Any:
    """A document as it is in the bucket."""
    read = client(lab.aws, "s3", lab.region).get_object(Bucket="demo-oidc", Key=key)["Body"].read()
    return json.loads(read)


def kids(lab: Lab) -> list[str]:
    return [key["kid"] for key in body(lab, "keys.json")["keys"]]


# two administrators


@pytest.mark.parametrize("options", [(), ("--create-private-s3-bucket",)], ids=["public", "private"])
def test_two_administrators_who_publish_at_the_same_time_lose_no_key(
    start: Start, tmp_path: Path, options: tuple[str, ...]
) -> None:
    lab = start(*options, openshift=False)
    ours, theirs = (public_file(tmp_path, name) for name in ("ours", "theirs"))
    between = replace(lab, between=lambda cloud: Before(cloud, "PutObject", lambda: lab.run(public_key_file=theirs)))

    done = between.run(public_key_file=ours)

    assert done.last.ok
    assert done.lost_races == 1
    assert kids(lab) == [kid_of(lab.server.key), kid_of(rsa_key("theirs")), kid_of(rsa_key("ours"))]


def test_a_key_that_is_published_while_another_one_is_retired_stays(start: Start, tmp_path: Path) -> None:
    lab = start()
    assert lab.run(make_pair=True).last.ok
    lab.clock.now += DAY + 3600
    theirs = public_file(tmp_path, "theirs")
    between = replace(lab, between=lambda cloud: Before(cloud, "PutObject", lambda: lab.run(public_key_file=theirs)))

    done = between.run(retire_old=True)

    assert done.last.ok
    assert done.lost_races == 1
    assert kids(lab) == [kid_of(lab.server.key), kid_of(rsa_key("theirs"))]


def test_a_write_whose_answer_is_lost_is_not_taken_for_somebody_else_s(start: Start, tmp_path: Path) -> None:
    lab = start(openshift=False)
    deaf = replace(lab, between=lambda cloud: Deaf(cloud, "PutObject"))

    done = deaf.run(public_key_file=public_file(tmp_path, "ours"))

    assert done.last.ok
    assert kids(lab) == [kid_of(lab.server.key), kid_of(rsa_key("ours"))]


def test_a_write_that_was_lost_while_somebody_else_s_came_first_is_made_again(start: Start, tmp_path: Path) -> None:
    lab = start(openshift=False)
    ours, theirs = (public_file(tmp_path, name) for name in ("ours", "theirs"))

    def both(cloud: Cloud) -> Cloud:
        # the first attempt never arrives; before the second one somebody else has written
        return Before(Deaf(cloud, "PutObject", arrives=False), "PutObject", lambda: lab.run(public_key_file=theirs))

    assert replace(lab, between=both).run(public_key_file=ours).last.ok
    assert kids(lab) == [kid_of(lab.server.key), kid_of(rsa_key("theirs")), kid_of(rsa_key("ours"))]


@pytest.mark.parametrize("way", [{"make_pair": True}, {"by_cluster": True}], ids=["new pair", "cluster's key"])
def test_two_administrators_never_replace_the_key_that_the_other_one_has_begun_to_roll_out(
    start: Start, tmp_path: Path, way: dict[str, bool]
) -> None:
    lab = start()
    other = replace(lab, out=tmp_path / "of-the-other")
    operation = "ApplySecret" if "make_pair" in way else "DeleteSecret"
    third = rsa_key("by the operator")

    done = replace(lab, between=lambda cloud: Before(cloud, operation, lab.server.make_next)).run(**way)
    assert [outcome.step.id for outcome in done.last.of(State.FAILED)] == [
        f"cluster/next/{'put' if 'make_pair' in way else 'delete'}"
    ]
    with pytest.raises(ConflictError, match=r"on its way to another key|a rotation to .* is under way"):
        other.run(make_pair=True)
    assert lab.run().last.ok
    assert lab.server.key == third
    assert stage(lab.look()) in {Stage.SWITCHED, Stage.READY}


def test_create_all_of_another_administrator_drops_no_key_of_a_rotation(
    start: Start, cli: Cli, common: list[str]
) -> None:
    lab = start()
    assert lab.run(make_pair=True).last.ok
    published = body(lab, "keys.json")

    cli("create-all", *common)
    assert body(lab, "keys.json") == published
    assert record_of(lab.look().provider) is not None
    lab.clock.now += DAY + 3600
    assert lab.run(retire_old=True).last.ok

    # OCPBUGS-63541: the key that exists is given, and no other is made
    assert "rotate-signing-key" in cli("create-all", *common, code=1).err
    new = lab.out / "signing-key-2" / PUBLIC
    options = [str(new) if part.endswith(PUBLIC) else part for part in common]
    assert "Nothing to do" in cli("plan", *options).out


# too early


def test_a_key_is_not_retired_before_its_last_token_is_dead_and_force_says_so(start: Start) -> None:
    lab = start()
    old = str(kid_of(lab.server.key))
    assert lab.run(make_pair=True).last.ok
    lab.clock.now += DAY + 3599

    for options in ({"retire_old": True}, {"retire": (old,)}):
        with pytest.raises(Problems, match="may be alive until 2027-01-1"):
            lab.run(**options)
    assert len(kids(lab)) == 2
    assert lab.run(retire=(old,), force=True).last.ok
    assert kids(lab) == [kid_of(lab.server.key)]


@pytest.mark.long
def test_tokens_that_live_longer_are_waited_for_longer(start: Start) -> None:
    lab = start()
    assert lab.run(make_pair=True).last.ok
    lab.clock.now += DAY + 3600

    with pytest.raises(Problems, match="may be alive until"):
        lab.run(retire_old=True, life=7 * DAY)
    lab.clock.now += 6 * DAY
    assert lab.run(retire_old=True, life=7 * DAY).last.ok


def test_the_key_that_is_signed_with_and_the_next_one_stay_whatever_is_asked_for(start: Start, tmp_path: Path) -> None:
    lab = start()
    signer = str(kid_of(lab.server.key))
    assert lab.run(public_key_file=public_file(tmp_path, "next")).last.ok

    with pytest.raises(Problems, match="the cluster signs with it"):
        lab.run(retire=(signer,), force=True)
    with pytest.raises(Problems, match="sign with next"):
        lab.run(retire=(str(kid_of(rsa_key("next"))),))
    with pytest.raises(ConflictError, match="no key is old yet"):
        lab.run(retire_old=True)
    assert len(kids(lab)) == 2


def test_a_cluster_that_went_back_to_the_old_key_is_noticed_and_noted_anew(start: Start, tmp_path: Path) -> None:
    lab = start(openshift=False)
    old = lab.server.key
    assert lab.run(public_key_file=public_file(tmp_path, "next")).last.ok
    lab.server.rotate(rsa_key("next"))
    assert lab.run().last.ok
    lab.clock.now += DAY + 3600
    lab.server.rotate(old)

    with pytest.raises(Problems, match="the cluster signs with it"):
        lab.run(retire=(str(kid_of(old)),))
    assert lab.run().last.ok
    assert record_of(lab.look().provider) == Record(kid=str(kid_of(old)), since=lab.clock.now)
    with pytest.raises(Problems, match="sign with next"):
        lab.run(retire=(str(kid_of(rsa_key("next"))),))


def test_while_api_servers_differ_nothing_is_noted_and_nothing_is_retired(start: Start) -> None:
    lab = start(openshift=False)
    assert lab.run(make_pair=True).last.ok
    new = load_private_key_file(lab.out / "signing-key-2" / PRIVATE)
    keys = [lab.server.key, new]

    def alternate(_asked: object) -> None:
        lab.server.key = keys[len(lab.server.asked) % 2]

    noted = lab.look().provider.tags[SIGNING_SINCE]
    lab.server.keys, lab.server.instead = keys, alternate
    assert lab.run(make_pair=True).last.outcomes == ()
    assert stage(lab.look()) is Stage.UNKNOWN
    assert lab.look().provider.tags[SIGNING_SINCE] == noted
    assert lab.look().record is None
    with pytest.raises(ConflictError, match="some with"):
        lab.run(retire_old=True)


# whoever may do less


def bound(lab: Lab, *, without: str = "") -> None:
    """Let the kubeconfig's user do what `cluster required-permissions --command rotate` prints, and no more."""
    rules: list[Any] = []
    in_namespaces: dict[str, list[Any]] = {}
    for role in roles_for(("rotate",), "ccoctl", None):
        place = role["metadata"].get("namespace")
        granted = [rule for rule in role["rules"] if without not in rule.get("resources", ()) or not without]
        (in_namespaces.setdefault(place, []) if place else rules).extend(granted)
    lab.server.users["of-the-administrator"] = User("operator", rules=rules, in_namespaces=in_namespaces)


@pytest.mark.parametrize("way", [{"make_pair": True}, {"by_cluster": True}], ids=["new pair", "cluster's key"])
def test_the_printed_roles_suffice_for_a_rotation(start: Start, way: dict[str, bool]) -> None:
    lab = start()
    bound(lab)

    assert lab.run(**way).last.ok
    assert stage(lab.look()) is Stage.SWITCHED


def test_who_may_not_see_the_operator_s_keys_is_told_so_and_may_still_see_how_things_stand(start: Start) -> None:
    lab = start()
    bound(lab, without="secrets")

    assert stage(lab.look()) is Stage.STEADY
    with pytest.raises(ConflictError, match="get secrets in openshift-kube-apiserver-operator"):
        lab.run(by_cluster=True)
    assert len(kids(lab)) == 1
    assert lab.run(make_pair=True).last.ok
    assert len([line for line in advice(lab.look()) if line.startswith(("OpenShift:", "Kubernetes:"))]) == 2


def test_a_cluster_without_an_operator_makes_no_key(start: Start) -> None:
    lab = start(openshift=False)

    with pytest.raises(ConflictError, match="no key that its operator keeps"):
        lab.run(by_cluster=True)


# another cluster, another state


def test_the_kubeconfig_of_another_cluster_is_refused(start: Start) -> None:
    lab = start()
    lab.server.issuer = "https://other-oidc.s3.us-east-1.amazonaws.com"

    with pytest.raises(ConflictError, match="the issuer https://other-oidc"):
        lab.run(make_pair=True)
    assert not (lab.out / "signing-key-2").exists()


def test_a_name_under_which_nothing_was_made_is_refused(start: Start) -> None:
    lab = replace(start(), name="demmo")

    with pytest.raises(ConflictError, match=r"is not in the bucket"):
        lab.run(make_pair=True)


def test_what_is_no_key_set_is_changed_by_nobody(start: Start) -> None:
    lab = start()
    client(lab.aws, "s3").put_object(Bucket="demo-oidc", Key="keys.json", Body=b"<html>")

    with pytest.raises(CcoctlError):
        lab.run(make_pair=True)


def test_a_switch_that_is_only_said_is_believed_neither_too_early_nor_against_the_cluster(
    start: Start, tmp_path: Path
) -> None:
    lab = start(openshift=False)
    new = str(kid_of(rsa_key("next")))
    with pytest.raises(ConflictError, match="not published"):
        lab.run(with_cluster=False, switched_to=new)
    assert lab.run(public_key_file=public_file(tmp_path, "next")).last.ok
    with pytest.raises(ConflictError, match="the cluster signs with"):
        lab.run(switched_to=new)


def test_a_key_pair_of_two_halves_stops_it_before_anything_is_changed(start: Start) -> None:
    lab = start()
    assert lab.run(make_pair=True, with_cluster=False).last.ok
    (lab.out / "signing-key-2" / PRIVATE).chmod(0o644)

    with pytest.raises(FileError):
        lab.run(make_pair=True)


# what is shown, and what is fixed upstream


def test_the_private_key_is_in_no_plan(start: Start) -> None:
    lab = start()
    order = lab.order(make_pair=True)
    with lab.cloud() as cloud:
        prepared = prepare(order, look(order, cloud, now=lab.clock(), with_cluster=True))
    assert not (lab.out / "signing-key-2").exists()
    told = plan_text(prepared.plan) + json.dumps(plan_json(prepared.plan)) + repr(prepared)

    assert "give the new key pair to the operator" in told
    assert "PRIVATE KEY" not in told
    assert lab.run(make_pair=True).last.ok
    given = lab.server.secret("openshift-kube-apiserver-operator", "next-bound-service-account-signing-key")
    assert given["service-account.key"] == (lab.out / "signing-key-2" / PRIVATE).read_text()
    assert given["service-account.pub"] == (lab.out / "signing-key-2" / PUBLIC).read_text()


def test_the_issuer_of_a_private_set_up_stays_behind_its_distribution(start: Start) -> None:
    """OCPBUGS-60078: it fell back to the bucket's own address when a command was run again."""
    lab = start("--create-private-s3-bucket")
    before = body(lab, discovery.PATH)
    assert ".cloudfront.net" in before["issuer"]

    assert lab.run(make_pair=True).last.ok
    assert body(lab, discovery.PATH) == before
    assert lab.look().url == before["issuer"]


@pytest.mark.long
def test_a_set_up_of_another_region_is_rotated_there(start: Start) -> None:
    """OCPBUGS-63238: every command used the region of another one; OCPBUGS-63561: nothing beyond the first page."""
    lab = start(region="eu-central-1")
    issuer = body(lab, discovery.PATH)["issuer"]

    assert lab.run(make_pair=True).last.ok
    assert len(kids(lab)) == 2
    assert lab.look().url == issuer
    assert ".s3.eu-central-1." in issuer


def test_an_elliptic_key_is_announced_before_it_signs_and_the_old_algorithm_goes_with_its_last_key(
    start: Start, tmp_path: Path
) -> None:
    lab = start(openshift=False)
    assert lab.run(public_key_file=public_file(tmp_path, "elliptic", ec_key())).last.ok
    announced = "id_token_signing_alg_values_supported"
    assert body(lab, discovery.PATH)[announced] == ["ES256", "RS256"]

    lab.server.rotate(ec_key())
    assert lab.run().last.ok
    lab.clock.now += DAY + 3600
    assert [state.use for state in key_states(lab.look())] == [Use.IDLE, Use.SIGNING]
    assert lab.run(retire_old=True).last.ok
    assert body(lab, discovery.PATH)[announced] == ["ES256"]


def test_one_of_several_clusters_behind_a_distribution_is_rotated_and_the_others_are_left_alone(start: Start) -> None:
    lab = replace(start("--shared-issuer", "fleet"), shared="fleet")
    s3 = client(lab.aws, "s3")
    s3.put_object(Bucket="fleet-oidc", Key="other/keys.json", Body=b"{}")

    assert lab.run(make_pair=True).last.ok
    lab.clock.now += DAY + 3600
    assert lab.run(retire_old=True).last.ok
    assert stage(lab.look()) is Stage.STEADY
    published = json.loads(s3.get_object(Bucket="fleet-oidc", Key="demo/keys.json")["Body"].read())
    assert [key["kid"] for key in published["keys"]] == [kid_of(lab.server.key)]
    assert s3.get_object(Bucket="fleet-oidc", Key="other/keys.json")["Body"].read() == b"{}"


def test_where_the_user_serves_the_documents_they_are_files_and_nothing_is_switched_before_they_are_seen(
    start: Start, tmp_path: Path
) -> None:
    url = "https://oidc.example.com/clusters/prod"
    lab = start("--issuer-url", url)
    served = tmp_path / "served"

    def upload() -> None:
        copytree(lab.out / "issuer", served, dirs_exist_ok=True)

    def get(url: str, limit: int) -> Fetched:
        path = served / url.removeprefix("https://oidc.example.com/clusters/prod/")
        return Fetched(path.read_bytes()[:limit], None)

    lab = replace(lab, get=get, issuer_url=url)
    upload()
    old = lab.server.key

    for _ in range(2):
        assert lab.run(make_pair=True).last.ok
        assert lab.server.key == old
        assert lab.look().kids == (kid_of(old),)
    upload()
    assert lab.run(make_pair=True).last.ok
    assert lab.server.key != old
    lab.clock.now += DAY + 3600
    assert lab.run(retire_old=True).last.ok
    upload()
    assert stage(lab.look()) is Stage.STEADY
    assert lab.look().kids == (kid_of(lab.server.key),)


def test_a_key_that_openshift_made_by_itself_is_published_when_the_cluster_is_named(start: Start) -> None:
    lab = start()
    lab.server.make_next()
    assert stage(lab.look()) is Stage.UNPUBLISHED

    assert lab.run().last.ok
    assert stage(lab.look()) is Stage.SWITCHED
    assert lab.server.key == rsa_key("by the operator")


def test_no_second_new_key_is_made_beside_one_whose_pair_is_elsewhere(start: Start, tmp_path: Path) -> None:
    lab = start(openshift=False)
    assert lab.run(make_pair=True).last.ok
    before = kids(lab)
    assert len(before) == 2

    with pytest.raises(ConflictError, match="is under way, and the pair of that key is not in this directory") as told:
        replace(lab, out=tmp_path / "elsewhere").run(make_pair=True)

    assert kids(lab) == before
    assert f"--retire {before[1]}" in told.value.remedy
    assert lab.run(retire=(before[1],), force=True).last.ok
    assert replace(lab, out=tmp_path / "elsewhere").run(make_pair=True).last.ok


def test_a_pair_that_was_published_and_is_not_any_more_is_not_taken_again(tmp_path: Path) -> None:
    made = new_pair(tmp_path, (), bits=2048)
    made.save()
    kid = str(made.public.kid)
    assert new_pair(tmp_path, (), bits=2048).directory == made.directory

    made.note_published()

    assert new_pair(tmp_path, (), published=(kid,), bits=2048).directory == made.directory
    assert new_pair(tmp_path, (), published=("another",), bits=2048).directory == tmp_path / "signing-key-3"
