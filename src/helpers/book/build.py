"""Run Sphinx over the staged tree, and put the pages in place when everything went well."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import filelock

from helpers.atomic import replace_folder
from helpers.book.stage import stage_book
from helpers.errors import RunError
from helpers.run.plan import cores
from helpers.run.preflight import check_place

_MOST = 4  # processes that work on pages: more gain little, and each takes a GB
_WARNING = re.compile(r"(WARNING|ERROR|CRITICAL)\b|^\S*(Error|Exception): ")
_REPLACED = ("stage", "sphinx", "html")  # folders that a build makes anew


def build_book(root: Path, run: Path, out: Path) -> Path:
    """Build the book of a run.

    Parameters
    ----------
    root : Path
        Project folder.
    run : Path
        Run folder.
    out : Path
        Build folder: gets ``stage/``, ``sphinx/``, ``build.log`` and, in the end, ``html/``.

    Returns
    -------
    Path
        Folder of the pages.

    Raises
    ------
    RunError
        If Sphinx warns or fails; the message has the first warnings. The pages from before stay.
        If the folder holds sources of the project, or folders of these names that no build has made.
    """
    out = out.absolute()
    check_place(root, out, "_build")
    if not (out / ".lock").exists() and (there := [n for n in _REPLACED if (out / n).exists()]):
        msg = f"{out} holds {there[0]}, which no build made and this one would replace; choose another --out"
        raise RunError(msg)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(out / ".lock", timeout=0):
            stage_book(root, run, out / "stage")
            replace_folder(_sphinx(out), out / "html")
            return out / "html"
    except filelock.Timeout as error:
        msg = f"another build works in {out}; wait for it or choose another --out"
        raise RunError(msg) from error
    except OSError as error:
        msg = f"the book cannot be written to {out}: {error.strerror or error}"
        raise RunError(msg) from error


def _sphinx(out: Path) -> Path:
    """Run Sphinx on ``out/stage`` as Jupyter Book sets it up; return the folder of the new pages."""
    stage, target = out / "stage", out / "sphinx"
    shutil.rmtree(target, ignore_errors=True)
    html = target / "html"
    configure = ["-c", "from jupyter_book.cli.main import main; main()", "config", "sphinx", str(stage)]
    write = ["-m", "sphinx", "-bhtml", f"-j{_processes()}", "-nW", "--keep-going"]
    write += ["-d", str(target / "doctrees"), str(stage), str(html)]
    text, failed = "", False
    for command in (configure, write):
        done = _python(command)
        text, failed = text + done.stdout + done.stderr, failed or done.returncode != 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    log = out / "build.log"
    log.write_text(text, encoding="utf-8")
    if failed or not (html / "index.html").is_file():
        lines = [line for line in text.splitlines() if _WARNING.search(line)]
        shown = "\n".join(line.replace(f"{stage}{os.sep}", "") for line in lines[:8])
        msg = f"the book was not built: {len(lines)} warnings or errors; see {log}\n{shown}"
        raise RunError(msg)
    return html


def _processes() -> int:
    """One that hands out pages and one a core that works on them, each with the libraries of all studies."""
    # A forked process of macOS may not touch the frameworks that its parent has loaded.
    return 1 if sys.platform == "darwin" else min(cores(), _MOST) + 1


def _python(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    # Colours would hide the word that marks a warning; pages and messages are UTF-8 in every locale.
    environment = {**os.environ, "NO_COLOR": "1", "SPHINX_NO_COLOR": "1", "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, encoding="utf-8", check=False, env=environment
    )
