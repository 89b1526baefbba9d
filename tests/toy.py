"""A small project whose notebooks run in a second each."""

from __future__ import annotations

import functools
import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from helpers.data.hashes import sha256
from helpers.run.state import NotebookState, RunState

HEADER = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # {title}

# %% tags=["parameters"{tags}]
profile = "smoke"
data = "simulated"
device = "cpu"
jobs = 1
seed = 0
out = "."
level = 1.0

# %%
import hashlib
import json
import os
from pathlib import Path

with (Path(out) / "calls.txt").open("a", encoding="utf-8") as stream:
    stream.write("{title}\\n")

"""

# The notebook writes what a chapter records, without the packages that make a kernel start slowly.
SAVE = """
# %%
content = dict(
    schema=1, chapter="{chapter}", title="{chapter}", profile=profile, parameters={{"data": data}},
    tiers={{"toy": "simulated" if data == "auto" else data}},
    inputs=[], commit="0", source="0", versions={{}}, device=device, threads=jobs, figures=[], times={{}},
    results={{"toy.level": {{"value": level + seed, "tier": "simulated"}}}},
)
target = Path(os.environ.get("HELPERS_ATTEMPT", out)) / "results" / "{chapter}.json"
target.write_text(json.dumps(content), encoding="utf-8")
"""


class Toy:
    """A project in a temporary folder."""

    def __init__(self, root: Path):
        self.root = root
        self.folder = root / "runs" / "smoke"
        (root / "notebooks").mkdir(parents=True)
        self.module("models/net.py", "layers = 2")
        self.profiles({"smoke": {"common": {"data": "simulated", "jobs": 1}, "chapters": {}}})

    def profiles(self, content: dict) -> None:
        (self.root / "notebooks" / "profiles.yml").write_text(yaml.safe_dump(content), encoding="utf-8")

    def module(self, path: str, text: str) -> None:
        file = self.root / "src" / "helpers" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def notebook(self, chapter: str, body: str = "", tags: str = "") -> Path:
        text = HEADER.format(title=chapter, tags=tags) + body + SAVE.format(chapter=chapter)
        path = self.root / "notebooks" / f"{chapter}.py"
        path.write_text(text, encoding="utf-8")
        return path

    def claim(self, chapter: str, above: float) -> None:
        """Register one claim of a chapter: its level is above a number."""
        condition = {"result": "toy.level", "above": above, "point": "a toy"}
        part = {"rule": f"the level is above {above}", "conditions": [condition]}
        claim = {
            "id": f"toy-{chapter[:2]}",
            "claim": f"The level of {chapter} is high",
            "whose": "paper",
            "polarity": "success",
            "source": "table 1",
            "compared": "level with zero",
            "datasets": ["toy"],
            "verdicts": dict.fromkeys(("repeated", "sound", "survives"), part),
        }
        paper = {"key": "toy", "title": "Toy", "authors": "A. Author", "year": 2020}
        path = self.root / "data" / "toy" / f"claims_{chapter[:2]}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            yaml.safe_dump({"chapter": chapter, "paper": paper, "claims": [claim]}), encoding="utf-8"
        )

    def write_results(self, folder: Path, chapter: str, tier: str = "panel", **results: dict) -> None:
        """Write a file of results as a chapter records it."""
        content = {
            "schema": 1,
            "chapter": chapter,
            "title": chapter,
            "profile": "smoke",
            "parameters": {},
            "tiers": {"toy": tier},
            "inputs": [],
            "commit": "0",
            "source": "0",
            "versions": {},
            "device": "cpu",
            "threads": 1,
            "figures": [],
            "times": {},
            "results": {f"toy.{name}": {"tier": tier, **result} for name, result in results.items()},
        }
        path = folder / "results" / f"{chapter}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")

    def registered(self, chapter: str, content: bytes = b"drug,line\n", key: str = "pairs") -> None:
        """Register one panel file of a chapter; nobody has it."""
        entry = {
            "key": key, "title": key, "tier": "panel", "owner": "nobody", "repository": "o/r",
            "commit": "0" * 40, "path": f"{key}.csv", "licence": "MIT", "chapters": [chapter],
            "card": f"toy/cards/{key}.md", "obtain": "by download", "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }  # fmt: skip
        path = self.root / "data" / key / "datasets.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump([entry]), encoding="utf-8")

    def seal(self, folder: Path | None = None, **entry: object) -> None:
        """Write run.json as if a run had just written the notebooks and results of a folder."""
        folder = folder or self.folder
        state = RunState.load(folder) or RunState(profile="smoke")
        for path in sorted([*folder.glob("results/*.json"), *folder.glob("notebooks/*.ipynb")]):
            known = state.notebooks.setdefault(
                path.stem, NotebookState(**{"status": "done", "started": "2020-01-01", **entry})
            )
            known.outputs[path.relative_to(folder).as_posix()] = sha256(path)
        folder.mkdir(parents=True, exist_ok=True)
        state.save(folder)

    def interrupted(self, options: list[str], ready: Callable[[], bool]) -> tuple[int, str]:
        """Run the command, press Ctrl-C when ``ready``; return its exit code and what it said."""
        command = [str(Path(sys.executable).with_name("helpers")), "run", "--profile", "smoke", *options]
        # A shell that starts the tests in the background has them ignore SIGINT, and so their children.
        listen = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(command, **pipes, preexec_fn=listen) as process:
            try:
                deadline = time.monotonic() + 120
                while not ready():
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                process.send_signal(signal.SIGINT)
                said, _ = process.communicate(timeout=120)
            finally:
                process.kill()
        return process.returncode, said

    def calls(self) -> list[str]:
        """Return the notebooks that ran since the last call, in order."""
        path = self.folder / "calls.txt"
        lines = path.read_text(encoding="utf-8").split() if path.is_file() else []
        path.unlink(missing_ok=True)
        return lines

    def record(self) -> dict:
        return json.loads((self.folder / "run.json").read_text(encoding="utf-8"))

    def results(self, chapter: str) -> dict:
        return json.loads((self.folder / "results" / f"{chapter}.json").read_text(encoding="utf-8"))[
            "results"
        ]


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    project = Toy(tmp_path / "project")
    monkeypatch.setenv("HELPERS_PROJECT", str(project.root))
    return project
