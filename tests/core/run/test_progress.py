"""What a terminal of 80 columns shows while a notebook runs."""

from __future__ import annotations

import io
import re

from rich.console import Console

from helpers.run.progress import Reporter


def test_bar_time_left_and_log_fit_80_columns():
    stream = io.StringIO()
    chapter = "01_refdnn_reproduction"
    console = Console(file=stream, width=80, force_terminal=True, _environ={"TERM": "xterm"})
    with Reporter(console) as reporter:
        reporter.start([chapter], {chapter: 6000.0})
        reporter.began(chapter, ["not run yet"])
        reporter.cell(chapter, 12, 70)
        reporter.line(chapter, "CCLE nested: 40 % " + "x" * 200)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()).replace("\r", "\n")
    assert max(map(len, shown.splitlines())) <= 80
    assert re.search(rf"{chapter} .* cell 12/70 .* about 100 min left", shown)
    assert "CCLE nested: 40 %" in shown
