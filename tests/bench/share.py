"""A share of one processor, as Lambda gives it to a function by its memory: a quota of Linux's control groups."""

import contextlib
import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

# Lambda documents that 1,769 MB have one processor, and that less memory has as much less of it.
MEGABYTES_OF_A_PROCESSOR = 1769
# Lambda does not document the period. The shorter it is, the less can be done before the quota is first used up.
PERIOD_SECONDS = 0.02

LONGEST_WAIT_SECONDS = 10
# Figures under a quota that is kept worse than this are not those of Lambda.
SLOWEST = 1.5
WORK_SECONDS = 0.2
WORK = """
import sys, time
begun, used = time.perf_counter(), time.process_time()
while time.process_time() - used < float(sys.argv[1]):
    pass
print(time.perf_counter() - begun)
"""

ROOT = Path("/sys/fs/cgroup")
# Starts whoever comes after it once it is told to, a member of the group by then.
LAUNCHER = ["/bin/sh", "-c", 'echo $$ > "$0/cgroup.procs" && read -r _ && exec "$@"']

numbers = itertools.count()


def quota(megabytes: int) -> float:
    """Of one processor."""
    return megabytes / MEGABYTES_OF_A_PROCESSOR


class Group:
    """Of one process, for as long as that lives: each environment of Lambda has its own."""

    def __init__(self, megabytes: int):
        self._folder = parent() / f"bench-{os.getpid()}-{next(numbers)}"
        self._folder.mkdir()
        period, limit = (round(it * 1e6) for it in (PERIOD_SECONDS, PERIOD_SECONDS * quota(megabytes)))
        if (self._folder / "cpu.max").exists():
            (self._folder / "cpu.max").write_text(f"{limit} {period}")
        else:
            (self._folder / "cpu.cfs_period_us").write_text(str(period))
            (self._folder / "cpu.cfs_quota_us").write_text(str(limit))

    def launching(self, command: list[str]) -> list[str]:
        """The command that becomes this one inside the group when it reads a line."""
        return [*LAUNCHER, str(self._folder), *command]

    def wait_for(self, pid: int):
        """Until this process is inside, and what it took to get there is paid back."""
        begun = time.monotonic()
        while str(pid) not in (self._folder / "cgroup.procs").read_text().split():
            if time.monotonic() - begun > LONGEST_WAIT_SECONDS:
                raise TimeoutError("the process did not get into its control group")
            time.sleep(0.001)
        time.sleep(2 * PERIOD_SECONDS)

    def close(self):
        """Once its process has ended."""
        for _ in range(100):
            with contextlib.suppress(OSError):
                return self._folder.rmdir()
            time.sleep(0.01)


def parent() -> Path:
    """Where groups are made: of version 1 where it has the controller of processors, of version 2 otherwise."""
    first = ROOT / "cpu"
    return first if first.is_dir() else ROOT


def slowness() -> float | None:
    """How many times as long as its quota says a process takes for its work. None: quotas can't be set here, which takes
    root as a rule, and not in most containers."""
    try:
        group = Group(128)
    except OSError:
        return None
    try:
        with subprocess.Popen(
            group.launching([sys.executable, "-S", "-c", WORK, str(WORK_SECONDS)]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            group.wait_for(process.pid)
            took, _ = process.communicate("\n")
    except OSError:
        return None
    finally:
        group.close()
    return float(took) * quota(128) / WORK_SECONDS
