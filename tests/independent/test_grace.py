"""The tags graceRotations and leakedVersion: which replaced keys work for one more rotation, and which go at once."""

import pytest
from test_promises import TYPES, rotated, unchanged
from test_world import datadog, noticed, path
from world import first, kill_after

OTHERWISE = {"api": "0", "app": "1", "admin": "1", "assisted": "1", "token": "0"}  # than the type does without the tag
CASES = ["app that stays", "api that goes", "token that goes", "assisted that stays", "api that leaked", "token that leaked", "app that leaked"]
PARTS = 4  # of what is tried at every call: a rotation waits for Datadog's edges, and parts wait beside each other


def tag(secret, grace=None, leaked=None):
    secret.tags |= {name: value for name, value in {"graceRotations": grace, "leakedVersion": leaked}.items() if value}


def prepared(town, case):
    """A secret that has been rotated, with the tag; and whether what the next rotation replaces stays."""
    kind, what = case.split(" that ")
    secret = rotated(town, kind)
    tag(secret, {"stays": "1", "goes": "0", "leaked": "1" if kind == "app" else None}[what])
    town.succeed(secret)
    if what == "leaked":
        tag(secret, leaked=secret.holder("AWSCURRENT"))
    return secret, what == "stays"


# The world.


@pytest.mark.parametrize(("grace", "broken"), [("1", ["P1", "DELETE"]), (None, [])])
def test_a_key_that_a_tag_spares_is_noticed_when_it_is_deleted(town, grace, broken):
    secret = town.add("app", graceRotations="1")
    town.succeed(secret)
    secret.tags.clear()
    tag(secret, grace)
    assert datadog(town, secret, "DELETE", path(town, town.key(secret, "AWSPREVIOUS")), step="createSecret").status == 204
    noticed(town, *broken)


@pytest.mark.parametrize("tags", [{"graceRotations": "0"}, {"leakedVersion": "AWSPREVIOUS"}], ids=str)
def test_a_key_that_no_tag_spares_is_noticed_when_it_is_left(town, tags):
    secret = town.add("api")
    town.succeed(secret, times=2)
    secret.tags |= {name: secret.holder(value) or value for name, value in tags.items()}
    town.world.promises.at_rest(secret)
    noticed(town, "P3")


# The functions.


@pytest.mark.parametrize("kind", TYPES)
def test_the_tag_decides_whether_a_replaced_key_works_for_one_more_rotation(town, kind):
    secret = rotated(town, kind)
    tag(secret, OTHERWISE[kind])
    for _ in range(3):
        before, older = town.keys(secret), town.keys(secret, "AWSPREVIOUS")
        town.succeed(secret)
        assert town.keys(secret, "AWSPREVIOUS") == before
        assert all(key.live == (OTHERWISE[kind] == "1") for key in before) and not any(key.live for key in older)
        town.later()
    town.world.promises.at_rest(secret)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stage", ["AWSCURRENT", "AWSPREVIOUS"])
def test_the_keys_of_a_leaked_version_end_with_the_next_rotation_and_no_others(town, kind, stage):
    secret = rotated(town, kind)
    tag(secret, "1")
    town.succeed(secret, times=2)
    leaked, current = town.keys(secret, stage), town.keys(secret)
    tag(secret, leaked=secret.holder(stage))
    if stage == "AWSPREVIOUS":
        assert town.step(secret, "createSecret").ok
        assert not any(key.live for key in leaked)
    town.succeed(secret)
    assert not any(key.live for key in leaked)
    assert leaked == current or all(key.live for key in current)
    before = town.keys(secret)
    town.succeed(secret)  # the tag is still there, and means nobody any more
    assert all(key.live for key in before)
    town.later()
    town.world.promises.at_rest(secret)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_any_call_of_finish_secret_the_next_rotation_repairs(towns, case, part):
    met, at = True, part
    while met:
        town = towns()
        secret, stays = prepared(town, case)
        before, token = town.keys(secret), town.secrets.begin(secret)
        rule = town.on(".", kill_after, skip=at, step="finishSecret")
        town.rotate(secret)
        met, at = rule.met, at + PARTS
        town.world.rules.clear()
        if secret.holder("AWSCURRENT") == token:
            assert town.step(secret, "finishSecret", token).ok
            assert all(key.live == stays for key in before)
        town.heal(secret)
        assert secret.holder("AWSCURRENT") == token or not any(key.live for key in before) or stays
        town.world.verdict()
        town.world.close()


@pytest.mark.parametrize("kind", ["api", "app", "token"])
@pytest.mark.parametrize("step", ["createSecret", "finishSecret"])
@pytest.mark.parametrize("part", range(2))
def test_a_version_that_is_named_as_leaked_during_any_call_ends_by_the_next_rotation(towns, kind, step, part):
    met, at = True, part
    while met:
        town = towns()
        secret = town.add(kind, graceRotations="1")
        town.succeed(secret, times=2)
        leaked, version = town.key(secret), secret.holder("AWSCURRENT")
        rule = town.on(".", first(lambda s=secret, v=version: tag(s, leaked=v), "after a person named a leaked version"), step=step, skip=at)
        town.succeed(secret)
        met, at = rule.met, at + 2
        tag(secret, leaked=version)
        town.heal(secret)
        assert not leaked.live
        town.world.close()


@pytest.mark.parametrize("tags", [{"graceRotations": "2"}, {"graceRotations": "yes"}, {"leakedVersion": "AWSCURRENT"}], ids=str)
def test_a_tag_that_cannot_be_read_stops_the_rotation(town, tags):
    secret = town.add("api", **tags)
    done = town.rotate(secret)[-1]
    assert done.type == "TagMalformed" and next(iter(tags)) in done.text, done
    unchanged(town)


@pytest.mark.parametrize("version", ["11111111-2222-4333-8444-555555555555", "a version of another secret"])
def test_a_leaked_version_that_is_not_there_costs_nothing(town, version):
    secret, other = town.add("api"), town.add("api", "other")
    tag(secret, leaked=other.holder("AWSCURRENT") if "another" in version else version)
    town.succeed(secret, times=2)
    assert town.key(secret, "AWSPREVIOUS").live and town.key(other).live
    town.world.promises.at_rest(secret)
