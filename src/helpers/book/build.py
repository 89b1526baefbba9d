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

_WARNING = re.compile(r"(WARNING|ERROR|CRITICAL)\b|^\S*(Error|Exception): ")


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
    """
    out = out.absolute()
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
    """Run jupyter-book on ``out/stage``; return the folder of the new pages."""
    target = out / "sphinx"
    shutil.rmtree(target, ignore_errors=True)
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    command += ["build", str(out / "stage"), "--path-output", str(target), "-n", "-W", "--keep-going"]
    # Colours would hide the word that marks a warning; pages and messages are UTF-8 in every locale.
    environment = {**os.environ, "NO_COLOR": "1", "SPHINX_NO_COLOR": "1", "PYTHONUTF8": "1"}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, env=environment)
    log = out / "build.log"
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    log.write_text(text, encoding="utf-8")
    html = target / "_build" / "html"
    if done.returncode or not (html / "index.html").is_file():
        lines = [line for line in text.splitlines() if _WARNING.search(line)]
        shown = "\n".join(line.replace(f"{out / 'stage'}{os.sep}", "") for line in lines[:8])
        msg = f"the book was not built: {len(lines)} warnings or errors; see {log}\n{shown}"
        raise RunError(msg)
    return html
