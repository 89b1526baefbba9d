"""Execute notebooks into a run folder, and compare run folders."""

from helpers.run.compare import Comparison, compare_runs
from helpers.run.execute import RunOptions, run_notebooks
from helpers.run.notebooks import SourceNotebook, find_chapters, read_source, select_chapters
from helpers.run.profiles import Profile, load_profiles
from helpers.run.state import NotebookState, RunState

__all__ = [
    "Comparison",
    "NotebookState",
    "Profile",
    "RunOptions",
    "RunState",
    "SourceNotebook",
    "compare_runs",
    "find_chapters",
    "load_profiles",
    "read_source",
    "run_notebooks",
    "select_chapters",
]
