"""Whole rotations: each contender beside the others, in a sandbox of its own."""

from collections import defaultdict

from contender import KINDS, Built, Contender
from sandbox import STEPS, Cold, Sandbox

# The first rotation of a secret has nothing to retire, and the second does so for the first time in its process.
UNMEASURED = 2
WARM = 2


def measure(built: Built, contenders: list[Contender], delay_ms: int, repeats: int, tell) -> dict:
    """By contender and kind: seconds of first and warm steps and of whole rotations, and the peak of memory in KiB."""
    figures = {it.name: {kind: blank() for kind in KINDS} for it in contenders}
    for number in range(repeats):
        for kind in KINDS:
            tell(f"rotations with {delay_ms} ms each way, {number + 1} of {repeats}: {kind}")
            # Who comes first changes, so that a spell of noise does not always meet the same.
            for contender in contenders[:: -1 if number % 2 else 1]:
                with Sandbox(built, delay_ms) as sandbox:
                    rotate(sandbox, contender, kind, figures[contender.name][kind])
    return figures


def blank() -> dict:
    by_step = {it: defaultdict(list) for it in ("first", "warm", "cpu")}
    return by_step | {"cold": [], "whole": [], "whole_cpu": [], "peak": []}


def rotate(sandbox: Sandbox, contender: Contender, kind: str, figures: dict):
    command, environment = contender.commands[kind], contender.environment
    with sandbox.process(command, environment) as process:
        for _ in range(UNMEASURED):
            sandbox.rotate(kind, process.invoke)
        for _ in range(WARM):
            invocations = sandbox.rotate(kind, process.invoke)
            for step, it in zip(STEPS, invocations, strict=True):
                figures["warm"][step].append(it.seconds)
                figures["cpu"][step].append(it.cpu_seconds)
            figures["whole"].append(sum(it.seconds for it in invocations))
            figures["whole_cpu"].append(sum(it.cpu_seconds for it in invocations))
        figures["peak"].append(process.peak_kib())
    cold = Cold(sandbox, command, environment)
    invocations = sandbox.rotate(kind, cold)
    for step, it in zip(STEPS, invocations, strict=True):
        figures["first"][step].append(it.seconds)
    figures["cold"].append(sum(cold.starts) + sum(it.seconds for it in invocations))
