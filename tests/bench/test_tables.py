"""The README's line of figures is the one above the tables, and says what is in them."""

import re
from pathlib import Path

import goals
import pytest
import tables
from test_goals import contenders

ROOT = Path(__file__).resolve().parents[2]
CPU = "CPU time of a rotation, a new process for each step"
PAGE = (ROOT / "docs" / "figures" / "benchmark.md").read_text()


def row(page: str, heading: str, start: str) -> list[str]:
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    [line] = [it for it in section.splitlines() if it.startswith(start)]
    return [re.sub(r" \(.*\)", "", cell.strip()) for cell in line.strip("|").split("|")]


def invented() -> str:
    """What there is of the page that the line comes from, of figures that nobody measured."""
    settings = {it.name: contenders({"cold": 0.0123, "cold_cpu": 0.0234}) for it in (goals.NEAR, goals.SMALL)}
    parts = [
        tables.headline(settings),
        "\n## Whole rotations\n",
        tables.rotations(settings),
        f"## {CPU}\n",
        tables.cold_cpu(settings),
    ]
    return "\n".join(parts)


# Until a machine that allows shares has measured, the page has no line.
PAGES = [invented(), PAGE] if tables.headline_of(PAGE) else [invented()]


def test_the_readme_has_the_line_of_the_figures():
    readme = (ROOT / "README.md").read_text()
    assert readme == tables.with_headline(readme, tables.headline_of(PAGE))


@pytest.mark.parametrize("page", PAGES)
def test_the_line_says_what_the_tables_say(page):
    *_, ours, python, _ = row(page, "Whole rotations", "| API key | one for each step | 128 MB | 0 ms |")
    *_, ours_cpu, python_cpu, _ = row(page, CPU, "| API key | 128 MB |")
    told = re.findall(r"[\d.,]*\d(?= s\b| ms\b)", tables.headline_of(page))

    for text, cell in zip(told, (float(ours) / 1e3, ours_cpu, float(python) / 1e3, python_cpu), strict=True):
        assert float(text.replace(",", "")) == pytest.approx(float(cell), rel=0.02)


def test_a_text_without_a_place_for_the_line_is_not_written():
    begin, end = tables.MARKS
    assert tables.with_headline(f"a\n{begin}old\n{end}\nb\n", "new") == f"a\n{begin}new\n{end}\nb\n"
    for text in ("a\n", begin):
        with pytest.raises(ValueError, match="no place"):
            tables.with_headline(text, "new")
