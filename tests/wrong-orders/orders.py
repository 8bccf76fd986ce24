"""A wrong order is a patch of what ships. All patches together make one copy of the workspace, in which a variable of
the environment turns one of them on: a test must then fail."""

import json
import os
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATCHES = sorted(Path(__file__).parent.glob("*.patch"))

# Cargo tells crates apart by name, version and place in the workspace. With a version of its own the copy shares all
# that was built of others' crates, and leaves what was built of the workspace's own alone.
VERSION = "0.0.0-wrong-order"

# What the copy has besides: it ships in nothing.
SWITCH = '''
/// Whether this wrong order is turned on.
#[must_use]
pub fn is_wrong(order: &str) -> bool {
    static ORDER: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| std::env::var("WRONG_ORDER").unwrap_or_default());
    *ORDER == order
}
'''

# A screen's worth of calls.
LONGEST = 30

# What the explorer says of a promise that is broken: a plan, the promise, the length of the path.
FOUND = re.compile(
    r"\A.+\n(?:P\d|protection|message|role|the next rotation failed|the last step has succeeded|the log says|[\w/-]+: the last version).+"
    r"\(after \d+ transitions\)$",
    re.M,
)


class NotShown(Exception):
    """The order was not shown to be wrong, or not for the reason that its patch gives."""


@dataclass(frozen=True)
class Order:
    """What a patch says above its first hunk: the order, its `Test:` and the text that it fails with, `Expect:`.

    `Only:` names the one lie or world of a sweep that finds it, to save the time of the others. `Explorer:` is the test of
    the explorer that finds it, and what it is only to try; or `not: ` and why the explorer can't."""

    patch: Path
    says: str
    target: str
    test: str
    expect: re.Pattern
    only: str = ""
    explorer: str = ""

    @classmethod
    def read(cls, patch: Path) -> "Order":
        text = patch.read_text()
        says, fields = re.fullmatch(r"(.+?)\n((?:[A-Z]\w+: .+\n)+)\n--- a/.*", text, re.DOTALL).groups()
        fields = dict(line.split(": ", 1) for line in fields.splitlines())
        target, test = fields.pop("Test").split()
        expect, only = re.compile(fields.pop("Expect")), fields.pop("Only", "")
        order = cls(patch, says, target, test, expect, only, fields.pop("Explorer"))
        foreign = re.findall(r"(?m)^\+\+\+ (?!b/(?:shared|functions/trust)/src/).*", text)
        if fields or foreign:
            raise ValueError(f"{patch.name} has more in it than an order: {[*fields, *foreign]}")
        if set(re.findall(r'is_wrong\("(.+?)"\)', text)) != {patch.stem}:
            raise ValueError(f"{patch.name} is not turned on by its own name")
        return order


    def explored(self) -> "Order | None":
        """The same as the explorer finds it, if it can."""
        test, _, only = self.explorer.partition(" ")
        if test == "not:":
            return None
        return replace(self, target="explore", test=test, only=only, expect=FOUND)


class Copy:
    """A copy of the workspace below the target directory."""

    def __init__(self):
        metadata = run(["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"], ROOT, check=True).stdout
        self.target = Path(json.loads(metadata)["target_directory"])
        self.folder = self.target / "wrong-orders"
        self.tests = {}

    def renew(self, patches: list[Path]):
        """Writes only what differs, and with the time of now: by that Cargo sees what to compile again."""
        listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT, check=True).stdout
        names = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
        for file in self.folder.rglob("*"):
            if file.is_file() and str(file.relative_to(self.folder)) not in names:
                file.unlink()
        changed = self.patched(patches)
        for name in names:
            there, here = changed.get(name) or (ROOT / name).read_bytes(), self.folder / name
            if name in ("Cargo.toml", "Cargo.lock"):
                there = with_own_version(there.decode()).encode()
            if not here.is_file() or here.read_bytes() != there:
                here.parent.mkdir(parents=True, exist_ok=True)
                here.write_bytes(there)

    def patched(self, patches: list[Path]) -> dict[str, bytes]:
        """The files that the patches change. Each is a patch of the workspace as it is, whatever the others do."""
        changed = {"shared/src/lib.rs": (ROOT / "shared/src/lib.rs").read_bytes() + SWITCH.encode()}
        scratch = self.target / "wrong-orders-scratch"
        for patch in patches:
            for name in re.findall(r"(?m)^\+\+\+ b/(.+)$", patch.read_text()):
                base, own = scratch / "base" / name, scratch / "own" / name
                for file in (base, own):
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes((ROOT / name).read_bytes())
            # In a folder of a repository git would take paths for the repository's, and skip the patch without a word.
            outside = {"GIT_CEILING_DIRECTORIES": str(self.target)}
            applied = run(["git", "apply", str(patch)], scratch / "own", outside)
            if applied.returncode:
                raise NotShown(f"{patch.name} does not apply: {applied.stderr}")
            for name in re.findall(r"(?m)^\+\+\+ b/(.+)$", patch.read_text()):
                together, base, own = (scratch / it / name for it in ("together", "base", "own"))
                together.parent.mkdir(parents=True, exist_ok=True)
                together.write_bytes(changed.get(name) or base.read_bytes())
                merged = run(["git", "merge-file", "--stdout", str(together), str(base), str(own)], scratch)
                if merged.returncode:
                    raise NotShown(f"{patch.name} changes a line of {name} that another patch changes too")
                changed[name] = merged.stdout.encode()
        return changed

    def build(self, orders: list[Order], targets: set[str]):
        """One build for all of them, whichever are asked for: so that none is compiled anew for another choice."""
        self.renew([order.patch for order in orders])
        targets = [f"--test={target}" for target in sorted(targets)]
        # Of the whole workspace, as everything was built: its members together decide about the features.
        command = ["cargo", "test", "--locked", "--workspace", *targets, "--no-run", "--message-format=json"]
        own = {"CARGO_TARGET_DIR": str(self.target), "CARGO_TERM_COLOR": "never"}
        built = run(command, self.folder, own)
        if built.returncode:
            raise NotShown(f"does not compile:\n{built.stderr}")
        told = [json.loads(line) for line in built.stdout.splitlines()]
        self.tests = {it["target"]["name"]: it["executable"] for it in told if it.get("executable")}

    def story_of(self, order: Order) -> str:
        """How the test failed, as it must."""
        test = [self.tests[order.target], "--exact", order.test]
        turned_on = {"WRONG_ORDER": order.patch.stem, "RUST_BACKTRACE": "0"}
        tested = run(test, self.folder / "tests", turned_on | ({"ONLY": order.only} if order.only else {}))
        return judge(order, tested.returncode, tested.stdout)


def run(command: list[str], folder: Path, environment=None, check=False) -> subprocess.CompletedProcess:
    inherited = {name: value for name, value in os.environ.items() if name != "UPDATE_FIGURES"}
    environment = inherited | (environment or {})
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=3600, check=check
    )


def with_own_version(manifest: str) -> str:
    """Cargo.toml or Cargo.lock with another version of the workspace's own crates: those without a source."""
    own = r'((?:\[workspace\.package\]|name = "[^"]+")\nversion = )"[^"]+"(?!\nsource)'
    changed, times = re.subn(own, rf'\1"{VERSION}"', manifest)
    if not times:
        raise ValueError("no version of the workspace")
    return changed


def judge(order: Order, returncode: int, output: str) -> str:
    """The story that the failed test tells, if it is the one that is expected."""
    name = f"{order.target} {order.test}"
    if returncode == 0:
        passed = "test result: ok. 1 passed" in output
        raise NotShown(f"{name} passes with {order.patch.name}" if passed else f"there is no test {name}")
    failure = rf"(?ms)^---- {order.test} stdout ----\n.*?^thread .*? panicked at .*?\n(.*?)^(?:note: |$)"
    panic = re.search(failure, output)
    if not panic:
        raise NotShown(f"{name} ended without a verdict with {order.patch.name}:\n{output}")
    if not order.expect.search(panic[1]):
        raise NotShown(f"{name} fails with {order.patch.name} for another reason:\n{panic[1]}")
    return panic[1]


def shortened(story: str) -> str:
    """What came to pass up to the breach: not the calls that only read, in their turn and undisturbed."""
    lines = re.sub(r"arn:aws:secretsmanager:[\w-]+:\d+:secret:", "", story).splitlines()
    breach = re.search(r"\(after call (\d+) ", story)
    told, last = [], 0
    for line in lines:
        call = re.match(r"(\d+) (?=[A-Z])(Describe|Get|List|GET )?", line)
        number = int(call[1]) if call else last
        if not (call and call[2] and number > last and line.endswith(": pass, 200")):
            told.append(line)
        if breach and call and call[1] == breach[1]:
            break
        last = max(last, number)
    left_out = len(told) - LONGEST
    return "\n".join(told if left_out <= 0 else [*told[:LONGEST], f"… and {left_out} more"])
