"""The chapters as Google Colab can open them: the source, and before it a cell that installs the package."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import nbformat

from helpers.run.notebooks import find_chapters, read_source

# Colab has these, in builds for its own machines, or they are of no use in a notebook.
_NOT_THERE = ("tensorflow", "torch", "jupyter-book", "ipykernel", "ipython", "sphinx")


def colab_notebooks(root: Path, repository: str) -> dict[str, str]:
    """Return the text of a notebook for every chapter that stands alone, by its name.

    Parameters
    ----------
    root : Path
        Project folder.
    repository : str
        Address of the repository.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = {}
    for chapter in find_chapters(root):
        source = read_source(root, chapter)
        if source.reads_results:
            continue
        notebook = source.notebook()
        cell = nbformat.v4.new_code_cell(_install(repository, project["dependencies"]))
        cell["id"] = "install"  # the same at every build
        notebook.cells.insert(0, cell)
        # Ids that jupytext draws at random would make every build another file.
        for number, later in enumerate(notebook.cells[1:]):
            later["id"] = f"cell-{number}"
        texts[chapter] = nbformat.writes(notebook) + "\n"
    return texts


def _install(repository: str, dependencies: list[str]) -> str:
    wanted = [line.partition(";")[0].strip() for line in dependencies]
    wanted = [line for line in wanted if not line.startswith(_NOT_THERE)]
    packages = " ".join(json.dumps(line) for line in wanted)
    return (
        "# Colab only: the code of the book and what it needs. Versions are Colab's, not those of the\n"
        "# book's lock, so that numbers may differ; Colab's Python may be newer than the book's 3.11.\n"
        f"!test -d /content/book || git clone --quiet --depth 1 {repository} /content/book\n"
        "%cd /content/book\n"
        f"%pip install --quiet {packages}\n"
        "import sys\n"
        "\n"
        'sys.path.insert(0, "src")'
    )
