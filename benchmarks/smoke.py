"""Seconds of every notebook on small simulated data.

``python -m benchmarks.smoke`` executes the profile smoke into a temporary folder and prints what each
notebook took by the clock, and what all of them took by the clock and of the processor. Measure on a quiet
machine.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from helpers.project import project_root
from helpers.run.execute import run_notebooks
from helpers.run.plan import RunOptions


def main() -> None:
    """Execute the notebooks and print the table."""
    before = os.times()
    with tempfile.TemporaryDirectory() as folder:
        record = run_notebooks(project_root(), RunOptions(profile="smoke", out=Path(folder)))
    after = os.times()
    # Of this process and of the kernels that it has waited for.
    processor = sum(after[:4]) - sum(before[:4])
    table = Table("notebook", "status", "seconds")
    for study, entry in record.notebooks.items():
        table.add_row(study, entry.status, f"{entry.wall_seconds:.1f}")
    table.add_row("all", "", f"{after.elapsed - before.elapsed:.1f}, of the processor {processor:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
