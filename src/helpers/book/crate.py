"""The run of record as an RO-Crate 1.1: which program made which file, at which commit, from what."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import helpers
from helpers.run.state import NotebookState, load_run

Entity = dict[str, Any]

_PROGRAM = "#helpers"
_AUTHORS = "#authors"
_FORMATS = {".json": "application/json", ".ipynb": "application/x-ipynb+json"}


def record_crate(record: Path, title: str, repository: str, authors: str) -> dict[str, Any]:
    """Return the content of ``ro-crate-metadata.json`` for a folder of record.

    Parameters
    ----------
    record : Path
        The folder; the paths in the crate are relative to it.
    title, repository, authors : str
        Of the book.

    Returns
    -------
    dict
        JSON-LD: the dataset, a file entity with size and sha256 for each file, and for each chapter the
        action that made its files, with times, commit and parameters.
    """
    run = load_run(record)
    names = sorted({"run.json", *(name for entry in run.notebooks.values() for name in entry.outputs)})
    ends = [entry.finished for entry in run.notebooks.values() if entry.finished]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"{title}: the run of record",
        "description": (
            "Executed notebooks and every value that they computed, with interval, sample size, seeds, tier "
            "of the data, parameters, commit, versions and times."
        ),
        "datePublished": max(ends, default=""),
        "license": {"@id": "https://creativecommons.org/licenses/by/4.0/"},
        "author": {"@id": _AUTHORS},
        "isBasedOn": repository,
        "hasPart": [{"@id": name} for name in names],
        "mentions": [{"@id": f"#{chapter}"} for chapter in run.notebooks],
    }
    program = {
        "@id": _PROGRAM,
        "@type": "SoftwareApplication",
        "name": "helpers",
        "url": repository,
        "version": helpers.__version__,
        "softwareRequirements": [f"{name} {version}" for name, version in run.versions.items()],
    }
    actions = [_action(chapter, entry, repository) for chapter, entry in run.notebooks.items()]
    return {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": [
            {
                "@id": "ro-crate-metadata.json",
                "@type": "CreativeWork",
                "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
                "about": {"@id": "./"},
            },
            root,
            {"@id": _AUTHORS, "@type": "Organization", "name": authors},
            program,
            *(_file(record, name) for name in names),
            *actions,
            *(value for action, entry in zip(actions, run.notebooks.values(), strict=True)
              for value in _parameters(action["@id"], entry)),
        ],
    }  # fmt: skip


def _file(record: Path, name: str) -> Entity:
    content = (record / name).read_bytes()
    return {
        "@id": name,
        "@type": "File",
        "name": Path(name).name,
        "encodingFormat": _FORMATS.get(Path(name).suffix, "application/octet-stream"),
        "contentSize": str(len(content)),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _action(chapter: str, entry: NotebookState, repository: str) -> Entity:
    return {
        "@id": f"#{chapter}",
        "@type": "CreateAction",
        "name": f"Execution of {chapter} at commit {entry.commit or 'unknown'}",
        "instrument": {"@id": _PROGRAM},
        "agent": {"@id": _AUTHORS},
        "startTime": entry.started,
        "endTime": entry.finished or "",
        "url": f"{repository}/blob/{entry.commit}/notebooks/{chapter}.py" if entry.commit else repository,
        "object": [{"@id": f"#{chapter}-{name}"} for name in entry.parameters],
        "result": [{"@id": name} for name in sorted(entry.outputs)],
    }


def _parameters(action: str, entry: NotebookState) -> list[Entity]:
    return [
        {"@id": f"{action}-{name}", "@type": "PropertyValue", "name": name, "value": str(value)}
        for name, value in entry.parameters.items()
    ]
