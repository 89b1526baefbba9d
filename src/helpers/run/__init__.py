"""Execute notebooks into a run folder, and compare run folders.

Public names
------------
run_notebooks, RunOptions
    Execute the notebooks of a profile (papermill); finished ones are kept, up-to-date ones skipped.
load_profiles, find_studies
    What can be run.
RunRecord
    ``run.json`` of a run folder.
compare_runs
    Which values moved and which verdicts flipped between two runs.
"""

from helpers.run.compare import Comparison, compare_runs
from helpers.run.execute import RunOptions, run_notebooks
from helpers.run.notebooks import SourceNotebook, find_studies, read_source
from helpers.run.profiles import Profile, load_profiles
from helpers.run.record import NotebookRecord, RunRecord

__all__ = [
    "Comparison",
    "NotebookRecord",
    "Profile",
    "RunOptions",
    "RunRecord",
    "SourceNotebook",
    "compare_runs",
    "find_studies",
    "load_profiles",
    "read_source",
    "run_notebooks",
]
