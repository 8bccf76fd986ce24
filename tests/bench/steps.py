"""Whole rotations over TLS: each contender beside the others, in a sandbox of its own."""

import math
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from contender import KINDS, WAITING, Built, Contender
from sandbox import STEPS, Cold, Sandbox

# The first rotation of a secret has nothing to retire, and the second does so for the first time in its process.
UNMEASURED = 2
WARM = 2


class Setting(NamedTuple):
    """Where a rotation runs."""

    # Of Lambda, whose share of a processor it has; None: all of one.
    megabytes: int | None
    # Of the network, each way.
    delay_ms: int

    @property
    def name(self) -> str:
        """A key of the figures."""
        return f"{self.megabytes or 'whole'}-{self.delay_ms}"

    @property
    def label(self) -> str:
        return f"{self.megabytes} MB" if self.megabytes else "whole"


def measure(
    built: Built, contenders: list[Contender], settings: list[Setting], repeats: int, tell, kinds=tuple(KINDS)
) -> dict:
    """By setting, contender and kind: seconds of first and warm steps and of whole rotations, and the peak of memory
    in KiB."""
    figures = {it.name: {contender.name: blanks() for contender in contenders} for it in settings}

    def rotations(setting: Setting, contender: Contender, kind: str):
        with Sandbox(built, setting.delay_ms, tls=True) as sandbox:
            rotate(sandbox, contender, kind, setting, figures[setting.name][contender.name][kind])

    for number in range(repeats):
        for setting in settings:
            for beside in groups(kinds):
                what = " and ".join(beside)
                tell(f"rotations, {setting.label}, {setting.delay_ms} ms each way, {number + 1} of {repeats}: {what}")
                # Who comes first changes, so that a spell of noise does not always meet the same.
                for contender in contenders[:: -1 if number % 2 else 1]:
                    with ThreadPoolExecutor(len(beside) if contender.waits else 1) as pool:
                        list(pool.map(lambda kind: rotations(setting, contender, kind), beside))  # noqa: B023 (ends here)
    return figures


def groups(kinds: tuple[str, ...]) -> list[list[str]]:
    """What is measured beside one another: kinds that wait nearly all the time; any other kind alone."""
    waiting = [kind for kind in kinds if kind in WAITING]
    return [[kind] for kind in kinds if kind not in WAITING] + ([waiting] if waiting else [])


def blanks() -> dict:
    return {kind: blank() for kind in KINDS}


def blank() -> dict:
    by_step = {it: defaultdict(list) for it in ("first", "warm", "cpu")}
    return by_step | {"cold": [], "cold_cpu": [], "starts": [], "billed_ms": [], "whole": [], "whole_cpu": [], "peak": []}


def rotate(sandbox: Sandbox, contender: Contender, kind: str, setting: Setting, figures: dict):
    def start():
        return sandbox.process(contender.commands[kind], contender.environment, setting.megabytes)

    with start() as process:
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
    cold = Cold(start)
    invocations = sandbox.rotate(kind, cold)
    for step, it in zip(STEPS, invocations, strict=True):
        figures["first"][step].append(it.seconds)
    figures["cold"].append(sum(cold.starts) + sum(it.seconds for it in invocations))
    figures["cold_cpu"].append(cold.cpu_seconds)
    figures["starts"].append(sum(cold.starts))
    # Lambda bills the start too, and whole milliseconds.
    took = zip(cold.starts, invocations, strict=True)
    figures["billed_ms"].append(sum(math.ceil((start + it.seconds) * 1e3) for start, it in took))
