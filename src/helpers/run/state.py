"""``run.json``: what a run folder holds and how it came about."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Literal

import pydantic

from helpers import atomic
from helpers.errors import RunError
from helpers.strict_yaml import problems

SCHEMA = 1
#: Place of the run of record in the project, which is of this profile.
RECORD = Path("book") / "record"
RECORD_PROFILE = "full"
_SEAL = "sha256"  # of all else in run.json
Status = Literal["running", "done", "failed", "interrupted"]


class Failure(pydantic.BaseModel, extra="forbid"):
    """Where a notebook stopped."""

    cell: int | None
    name: str
    message: str
    log: str


class Carried(pydantic.BaseModel, extra="forbid"):
    """Code that an execution stands for without having run it; see :mod:`helpers.run.carry`.

    At ``commit`` the smaller ``profile`` gave all of its ``values`` numbers as before, to the last bit.
    """

    commit: str
    profile: str
    values: int


class NotebookState(pydantic.BaseModel, extra="forbid"):
    """One notebook of a run.

    ``commit`` is the commit at which it was executed. ``parameters`` is all that it got, ``chosen`` the part
    that was asked for in place of the profile's. ``fingerprint`` maps each thing that the outcome depends on
    to its hash (:func:`helpers.run.fingerprint.fingerprint`), ``outputs`` each file that it wrote.
    ``attempt`` is a later execution that has not succeeded: the files are still those of this one.
    ``earlier_seconds`` is what executions took that did not end and left checkpoints that this one read.
    ``carried`` says for which later code an entry of the record stands, the latest last.
    """

    status: Status
    started: str
    finished: str | None = None
    commit: str | None = None
    wall_seconds: float | None = None
    earlier_seconds: float = 0.0
    cells: int | None = None
    parameters: dict[str, Any] = {}
    chosen: dict[str, Any] = {}
    fingerprint: dict[str, str] = {}
    outputs: dict[str, str] = {}
    error: Failure | None = None
    attempt: NotebookState | None = None
    carried: list[Carried] = []

    @property
    def latest(self) -> NotebookState:
        """The latest execution, whether it succeeded or not."""
        return self.attempt or self

    @property
    def total_seconds(self) -> float | None:
        """Wall time with what went before it was resumed; None while it runs."""
        return None if self.wall_seconds is None else self.wall_seconds + self.earlier_seconds


class RunState(pydantic.BaseModel):
    """Content of ``run.json``.

    Attributes
    ----------
    profile : str
        Name of the profile.
    commit : str or None
        Commit of the checkout at the latest start (:func:`helpers.chapter.provenance.git_commit`); each
        notebook has its own.
    versions : dict
        Python, platform and the packages that the numbers depend on.
    device, threads
        What the notebooks were told to use.
    started, finished : str
        ISO times (UTC) of the first and the latest start and end.
    notebooks : dict
        Chapter -> `NotebookState`.
    """

    model_config = pydantic.ConfigDict(populate_by_name=True, extra="forbid")

    schema_: int = pydantic.Field(default=SCHEMA, alias="schema")
    profile: str
    commit: str | None = None
    versions: dict[str, str] = {}
    device: str = "auto"
    threads: int = 1
    started: str | None = None
    finished: str | None = None
    notebooks: dict[str, NotebookState] = {}

    @classmethod
    def load(cls, folder: Path) -> RunState | None:
        """Read ``run.json`` of a run folder; None if there is none.

        Raises
        ------
        RunError
            If the file is damaged, was changed after it was written, or is of another schema.
        """
        path = folder / "run.json"
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_bytes())
            written = content.pop(_SEAL, None) if isinstance(content, dict) else None
            state = cls.model_validate(content)
        except (OSError, ValueError) as error:
            reason = problems(error, most=1) if isinstance(error, pydantic.ValidationError) else error
            msg = f"{path} cannot be read ({reason}). Remove it to start the run again."
            raise RunError(msg) from error
        if written not in (None, _hash(content)):
            msg = f"{path} was changed after it was written. Remove it to start the run again."
            raise RunError(msg)
        if state.schema_ != SCHEMA:
            msg = f"{path} has schema {state.schema_}, this version reads {SCHEMA}; choose another --out"
            raise RunError(msg)
        return state

    def begin(self, chapter: str, attempt: NotebookState) -> None:
        """Note an execution that starts; an earlier good one stays until this one has succeeded."""
        entry = self.notebooks.get(chapter)
        if entry is not None and entry.status == "done":
            entry.attempt = attempt
        else:
            self.notebooks[chapter] = attempt

    def save(self, folder: Path) -> None:
        """Write ``run.json`` in one step.

        Raises
        ------
        RunError
            If it cannot be written, for example on a full disk. The file from before is untouched.
        """
        path = folder / "run.json"
        content = self.model_dump(by_alias=True, mode="json")
        content[_SEAL] = _hash(content)
        try:
            atomic.write_text(path, json.dumps(content, indent=1, sort_keys=True) + "\n")
        except OSError as error:
            msg = (
                f"cannot write {path}: {error.strerror or error}. Finished notebooks are kept; "
                "make room or choose another --out, then run again."
            )
            raise RunError(msg) from error


def _hash(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def record_folder(root: Path, profile: str) -> Path:
    """Return the place of the record of a profile; of all but full it holds results alone."""
    name = f"{RECORD.name}-{folder_name(profile)}"
    return root / (RECORD if profile == RECORD_PROFILE else RECORD.with_name(name))


def folder_name(text: str) -> str:
    """Return a name that no file system and no shell minds; texts that differ have names that differ."""
    plain = re.sub(r"[^\w.=+-]", "_", text)[:80]
    return plain if plain == text else f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def load_run(folder: Path) -> RunState:
    """Read ``run.json`` of a folder that must be a run folder.

    Raises
    ------
    RunError
        If the folder is no run folder or its run.json is damaged.
    """
    state = RunState.load(folder)
    if state is None:
        msg = f"{folder} is no run folder (no run.json); `helpers status` lists those there are"
        raise RunError(msg)
    return state
