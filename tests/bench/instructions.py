"""Instructions of one warm step, start-up left out, as callgrind counts them: the same on a busy machine as on an idle
one."""

import re
import shutil
import signal
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from contender import KINDS, Built
from process import Process
from sandbox import STEPS, Sandbox

# What more rotations cost beyond the few is warm work and nothing else.
FEW, MANY = 3, 7
# Nothing is timed, and most of them wait.
AT_ONCE = 6


def available() -> bool:
    return shutil.which("valgrind") is not None


def measure(built: Built, kinds: Iterable[str], tell) -> dict[str, dict[str, int]]:
    """By kind and step."""
    jobs = [(kind, step, rotations) for kind in kinds for step in STEPS for rotations in (FEW, MANY)]
    tell(f"instructions: {', '.join(kinds)}")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        counted = dict(zip(jobs, pool.map(lambda job: count(built, *job), jobs), strict=True))
    return {
        kind: {step: round((counted[kind, step, MANY] - counted[kind, step, FEW]) / (MANY - FEW)) for step in STEPS}
        for kind in kinds
    }


def count(built: Built, kind: str, counted: str, rotations: int) -> int:
    """Of a process that is given this one step of each rotation; the others go to a process that nobody watches."""
    command = [str(built.folder / KINDS[kind][1])]
    callgrind = [shutil.which("valgrind"), "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    with Sandbox(built) as sandbox:
        process = sandbox.process(callgrind, {})
        with sandbox.process(command, {}) as other:
            for _ in range(rotations):
                sandbox.rotate(kind, lambda event: (process if event["Step"] == counted else other).invoke(event))
        return collected(process)


def collected(process: Process) -> int:
    # Callgrind tells when the process ends, whatever ends it but a kill.
    process.close(signal.SIGTERM)
    [figure] = re.findall(r"Collected : (\d+)", process.output())
    return int(figure)
