"""Every wrong order breaks a promise, and what would only look like it is told apart."""

import dataclasses
import difflib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from orders import LONGEST, PATCHES, ROOT, Copy, NotShown, Order, judge, run, shortened, with_own_version

ORDERS = [Order.read(patch) for patch in PATCHES]
EXPLORED = [order.explored() for order in ORDERS if order.explored()]

SOUND = "running 1 test\ntest api_key ... ok\n\ntest result: ok. 1 passed; 0 failed\n"
NO_SUCH_TEST = "running 0 tests\n\ntest result: ok. 0 passed; 0 failed\n"
ABORTED = "running 1 test\n"
BROKEN = """running 1 test
test api_key ... FAILED

failures:

---- api_key stdout ----
listened

thread 'api_key' (71) panicked at tests/tests/overlap.rs:39:21:
10 of 12 runs broke a promise, the shortest:
Schedule { held: 3 }: P1: the key a of AWSCURRENT is refused (after call 8 DELETE (a) by it: pass, 204)
4 GetSecretValue (arn:aws:secretsmanager:us-east-1:123456789012:secret:a) by it: pass, 404
5 GetSecretValue (arn:aws:secretsmanager:us-east-1:123456789012:secret:a) by it: pass, 200
7 PutSecretValue (arn:aws:secretsmanager:us-east-1:123456789012:secret:a) by it: pass, 200
6 GetSecretValue (arn:aws:secretsmanager:us-east-1:123456789012:secret:a) by held: pass, 200
8 DELETE (a) by it: pass, 204
9 DescribeSecret (arn:aws:secretsmanager:us-east-1:123456789012:secret:a) by it: kill before, not reached

note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    api_key

test result: FAILED. 0 passed; 1 failed
"""


@pytest.fixture(scope="module")
def copy():
    return Copy()


@pytest.fixture(scope="module")
def stories(request, copy):
    """The stories of all orders that were asked for: one build, and as many tests at once as there are processors."""
    cases = [it.callspec for it in request.session.items if hasattr(it, "callspec")]
    asked = [case.params["order"] for case in cases if "order" in case.params]
    copy.build(ORDERS, {"crash_sweep", "explore"} | {order.target for order in asked})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {order: pool.submit(copy.story_of, order) for order in asked}


@pytest.fixture
def order():
    return Order(Path("some.patch"), "says", "overlap", "api_key", re.compile("P1: the key . of AWSCURRENT"))


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.patch.stem)
def test_a_wrong_order_breaks_a_promise(order, stories, capsys):
    story = stories[order].result()
    with capsys.disabled():
        print(f"\n\n## {order.patch.stem}\n{order.says}\n\n{shortened(story)}")


@pytest.mark.parametrize("order", EXPLORED, ids=lambda order: order.patch.stem)
def test_the_explorer_finds_it_with_a_story_of_a_screen(order, stories, capsys):
    story = stories[order].result()
    assert len(story.splitlines()) <= LONGEST + 2
    with capsys.disabled():
        print(f"\n\n## {order.patch.stem}, explored\n{shortened(story)}")


def test_the_page_says_who_finds_what():
    page = (ROOT / "docs/figures/explorer.md").read_text()
    for order in ORDERS:
        row = re.search(rf"(?m)^\| `{order.patch.stem}` \| (.+?) \|", page)
        assert row, f"docs/figures/explorer.md has no row of {order.patch.stem}"
        by = (order.explored() or order).test
        assert f"`{by}`" in row[1], f"{order.patch.stem} is found by {by}, and the page says: {row[0]}"


def test_with_none_turned_on_every_promise_holds(stories, copy):
    test = [copy.tests["crash_sweep"], "--exact", "a_few_of_each"]
    assert "test result: ok. 1 passed" in run(test, copy.folder / "tests").stdout


@pytest.mark.parametrize(
    "more",
    [("\n--- a/", "Note: none\n\n--- a/"), ("+++ b/shared/src/", "+++ b/tests/harness/src/")],
    ids=["another field", "another folder"],
)
def test_a_patch_is_an_order_and_nothing_more(more, tmp_path):
    patch = tmp_path / "some.patch"
    patch.write_text(PATCHES[0].read_text().replace(*more))
    with pytest.raises(ValueError, match="more in it"):
        Order.read(patch)


def test_a_patch_is_turned_on_by_its_own_name(tmp_path):
    patch = tmp_path / "some.patch"
    patch.write_text(PATCHES[0].read_text())
    with pytest.raises(ValueError, match="own name"):
        Order.read(patch)


def test_a_story_is_the_panic_of_the_test(order):
    story = judge(order, 101, BROKEN)
    assert story.startswith("10 of 12 runs")
    assert story.endswith("by it: kill before, not reached\n")


def test_a_story_is_shortened_to_what_led_to_the_breach(order):
    calls = shortened(judge(order, 101, BROKEN)).splitlines()[2:]
    assert calls == [
        "4 GetSecretValue (a) by it: pass, 404",
        "7 PutSecretValue (a) by it: pass, 200",
        "6 GetSecretValue (a) by held: pass, 200",
        "8 DELETE (a) by it: pass, 204",
    ]


def test_a_long_story_is_cut(order):
    story = "".join(f"{n} DELETE (a) by it: pass, 204\n" for n in range(1, 40))
    assert shortened(story).splitlines()[-2:] == ["30 DELETE (a) by it: pass, 204", "… and 9 more"]


@pytest.mark.parametrize(
    ("returncode", "output", "expect", "reason"),
    [
        (0, SOUND, "P1", "passes"),
        (0, NO_SUCH_TEST, "P1", "no test"),
        (-6, ABORTED, "P1", "without a verdict"),
        (101, BROKEN, "P3", "another reason"),
        (101, BROKEN.replace("api_key stdout", "admin_key stdout"), "P1", "without a verdict"),
    ],
)
def test_no_other_end_shows_anything(order, returncode, output, expect, reason):
    with pytest.raises(NotShown, match=reason):
        judge(dataclasses.replace(order, expect=re.compile(expect)), returncode, output)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("pub mod admin;\n", "pub mod nothing;\n", "does not compile"),
        ("pub mod nothing;\n", "pub mod admin;\n", "does not apply"),
    ],
)
def test_a_patch_has_to_apply_and_to_compile(old, new, reason, order, tmp_path):
    name = "shared/src/lib.rs"
    text = (ROOT / name).read_text().replace("pub mod admin;\n", old)
    lines = [it.splitlines(keepends=True) for it in (text, text.replace(old, new))]
    patch = tmp_path / "some.patch"
    patch.write_text("".join(difflib.unified_diff(*lines, f"a/{name}", f"b/{name}")))
    with pytest.raises(NotShown, match=reason):
        Copy().build([dataclasses.replace(order, patch=patch)], {order.target})


def test_two_patches_change_no_line_together(order, tmp_path):
    text = (ROOT / "shared/src/lib.rs").read_text().splitlines(keepends=True)
    orders = []
    for word in ("one", "another"):
        changed = [line.replace("pub mod admin;", f"pub mod {word};") for line in text]
        patch = tmp_path / f"{word}.patch"
        patch.write_text("".join(difflib.unified_diff(text, changed, "a/shared/src/lib.rs", "b/shared/src/lib.rs")))
        orders.append(dataclasses.replace(order, patch=patch))
    with pytest.raises(NotShown, match="another patch changes too"):
        Copy().build(orders, {order.target})


def test_only_the_workspaces_own_crates_change_their_version():
    foreign = '[[package]]\nname = "http"\nversion = "1.4.0"\nsource = "registry"\n'
    lock = f'{foreign}\n[[package]]\nname = "tests"\nversion = "0.1.0"\n'
    assert with_own_version(lock) == lock.replace("0.1.0", "0.0.0-wrong-order")
    with pytest.raises(ValueError, match="no version"):
        with_own_version("[workspace]\n")
