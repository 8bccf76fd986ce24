"""Instructions of one warm step, start-up left out, as callgrind counts them: the same on a busy machine as on an idle
one."""

import re
import shutil
import signal
from collections.abc import Iterable

from contender import KINDS, Built
from process import Process
from sandbox import STEPS, Sandbox

# What more rotations cost beyond the few is warm work and nothing else.
FEW, MANY = 3, 7


def available() -> bool:
    return shutil.which("valgrind") is not None


def measure(built: Built, kinds: Iterable[str], tell) -> dict[str, dict[str, int]]:
    """By kind and step."""
    figures = {}
    for kind in kinds:
        _, binary, _ = KINDS[kind]
        tell(f"instructions: {kind}")
        command = [str(built.folder / binary)]
        with Sandbox(built) as sandbox:
            figures[kind] = {step: warm(sandbox, command, kind, step) for step in STEPS}
    return figures


def warm(sandbox: Sandbox, command: list[str], kind: str, step: str) -> int:
    few, many = (count(sandbox, command, kind, step, rotations) for rotations in (FEW, MANY))
    return round((many - few) / (MANY - FEW))


def count(sandbox: Sandbox, command: list[str], kind: str, counted: str, rotations: int) -> int:
    """Of a process that is given this one step of each rotation; the others go to a process that nobody watches."""
    callgrind = [shutil.which("valgrind"), "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
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
