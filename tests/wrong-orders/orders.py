"""A wrong order is a patch of shared/src. It is applied to a copy of the workspace, whose tests must then fail."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATCHES = sorted(Path(__file__).parent.glob("*.patch"))

# Cargo tells crates apart by name, version and place in the workspace. With a version of its own the copy shares all
# that was built of others' crates, and leaves what was built of the workspace's own alone.
VERSION = "0.0.0-wrong-order"

# A screen's worth of calls.
LONGEST = 30


class NotShown(Exception):
    """The order was not shown to be wrong, or not for the reason that its patch gives."""


@dataclass(frozen=True)
class Order:
    """What a patch says above its first hunk: the order, its `Test:` and the text that it fails with, `Expect:`."""

    patch: Path
    says: str
    target: str
    test: str
    expect: re.Pattern

    @classmethod
    def read(cls, patch: Path) -> "Order":
        text = patch.read_text()
        says, fields = re.fullmatch(r"(.+?)\n((?:[A-Z]\w+: .+\n)+)\n--- a/.*", text, re.DOTALL).groups()
        fields = dict(line.split(": ", 1) for line in fields.splitlines())
        target, test = fields.pop("Test").split()
        order = cls(patch, says, target, test, re.compile(fields.pop("Expect")))
        foreign = re.findall(r"(?m)^\+\+\+ (?!b/shared/src/).*", text)
        if fields or foreign:
            raise ValueError(f"{patch.name} has more in it than an order: {[*fields, *foreign]}")
        return order


class Copy:
    """A copy of the workspace below the target directory."""

    def __init__(self):
        metadata = run(["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"], ROOT, check=True).stdout
        self.target = Path(json.loads(metadata)["target_directory"])
        self.folder = self.target / "wrong-orders"

    def renew(self):
        """Writes only what differs, and with the time of now: by that Cargo sees what to compile again."""
        listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT, check=True).stdout
        names = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
        for file in self.folder.rglob("*"):
            if file.is_file() and str(file.relative_to(self.folder)) not in names:
                file.unlink()
        for name in names:
            there, here = (ROOT / name).read_bytes(), self.folder / name
            if name in ("Cargo.toml", "Cargo.lock"):
                there = with_own_version(there.decode()).encode()
            if not here.is_file() or here.read_bytes() != there:
                here.parent.mkdir(parents=True, exist_ok=True)
                here.write_bytes(there)

    def apply(self, patch: Path):
        # In a folder of a repository git would take paths for the repository's, and skip the patch without a word.
        outside = {"GIT_CEILING_DIRECTORIES": str(self.target)}
        applied = run(["git", "apply", str(patch)], self.folder, outside)
        if applied.returncode:
            raise NotShown(f"{patch.name} does not apply: {applied.stderr}")

    def story_of(self, order: Order) -> str:
        """How the test failed, as it must."""
        self.renew()
        self.apply(order.patch)
        # Of the whole workspace, as everything was built: its members together decide about the features.
        test = ["cargo", "test", "--locked", "--workspace", "--test", order.target]
        built = self.cargo([*test, "--no-run"])
        if built.returncode:
            raise NotShown(f"{order.patch.name} does not compile:\n{built.stderr}")
        tested = self.cargo([*test, "--", "--exact", order.test])
        return judge(order, tested.returncode, tested.stdout)

    def cargo(self, command: list[str]) -> subprocess.CompletedProcess:
        own = {"CARGO_TARGET_DIR": str(self.target), "CARGO_TERM_COLOR": "never", "RUST_BACKTRACE": "0"}
        # Nobody reads a backtrace here, and a line that moves would have all below it compiled anew.
        own["CARGO_PROFILE_TEST_DEBUG"] = "none"
        return run(command, self.folder, own)


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
