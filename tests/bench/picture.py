"""The figures as bars, in SVG: each group has a scale of its own, with Python as its full length."""

from html import escape

import goals

WIDTH = 760
LEFT, RIGHT = 132, 92
BAR, GAP, GROUP = 16, 4, 44
# Of middling lightness, to be read on white and on black.
TEXT, OURS, OTHER, GOAL = "#76808c", "#1f8f6b", "#8b95a1", "#d0542f"
FONT = "font-family='system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif'"
NAMES = {"functions": "this, in Rust", "bare": "bare Rust", "Python": "Python"}


def draw(figures: dict) -> str:
    """The API key function's figures, the minima of them."""
    height, body = 14, []
    for heading, values, goal, unit in groups(figures):
        body.append(text(0, height + 12, heading, weight=600))
        height += 22
        for name, value in values.items():
            share = value / values["Python"]
            body += bar(height, name, share, unit(value), goal)
            height += BAR + GAP
        if goal:
            at = LEFT + length(goal)
            top = height - len(values) * (BAR + GAP) - 2
            body.append(f"<path d='M{at:.1f} {top}V{height}' stroke='{GOAL}' stroke-width='2' stroke-dasharray='4 2'/>")
        height += GROUP - 22
    body.append(f"<path d='M0 {height}h24' stroke='{GOAL}' stroke-width='2' stroke-dasharray='4 2'/>")
    body.append(text(32, height + 4, "goal, against Python. API key function; the shortest of the runs."))
    height += 14
    title = "Start, memory, processor time and rotation time of the function, beside Python"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}'"
    return "\n".join([f"{head} role='img' {FONT} font-size='13'>", f"<title>{title}</title>", *body, "</svg>", ""])


def groups(figures: dict) -> list[tuple]:
    """Heading, values by contender, goal, and how a value is told."""
    start = {name: min(next(iter(kinds.values()))["seconds"]) for name, kinds in figures["start"].items()}
    near, far, small = (figures["rotations"].get(it.name) for it in (goals.NEAR, goals.FAR, goals.SMALL))

    def rotation(figures: dict, figure: str) -> dict:
        return {name: min(figures[name]["apiKey"][figure]) for name in ("functions", "Python")}

    shares = small and [
        ("Rotation at the share of 128 MB, a new process for each step", rotation(small, "cold"), goals.COLD_ROTATION),
        ("Processor time of that rotation", rotation(small, "cold_cpu"), goals.COLD_CPU),
    ]
    return [
        *((*it, milliseconds) for it in shares or []),
        ("Process start to first request for work", start, goals.START_TO_PYTHON, milliseconds),
        ("Peak memory", rotation(near, "peak"), goals.MEMORY, lambda it: f"{it / 1024:.1f} MiB"),
        ("Processor time of a warm rotation, four steps", rotation(near, "whole_cpu"), None, milliseconds),
        (
            f"Rotation over a network with {goals.DELAY_MS} ms each way, a new process for each step",
            rotation(far, "cold"),
            goals.FAR_ROTATION,
            milliseconds,
        ),
    ]


def bar(top: float, name: str, share: float, value: str, goal: float | None) -> list[str]:
    # A value that would lie on the goal's mark stands right of it.
    end = goal if goal and share < goal < share + 0.05 else share
    colour = OURS if name == "functions" else OTHER
    long = length(share)
    return [
        text(LEFT - 8, top + 13, NAMES[name], anchor="end"),
        f"<rect x='{LEFT}' y='{top}' width='{max(long, 1.5):.1f}' height='{BAR}' rx='2' fill='{colour}'/>",
        text(LEFT + length(end) + 8, top + 13, value),
    ]


def length(share: float) -> float:
    return (WIDTH - LEFT - RIGHT) * min(share, 1.2)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms" if seconds >= 0.1 else f"{seconds * 1e3:.1f} ms"


def text(x: float, y: float, content: str, weight: int = 400, anchor: str = "start") -> str:
    style = f"fill='{TEXT}' font-weight='{weight}' text-anchor='{anchor}'"
    return f"<text x='{x:.1f}' y='{y:.1f}' {style}>{escape(content)}</text>"
