"""Add a chapter to the two lists that name all chapters, without touching what people wrote there."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import yaml

from helpers.errors import ParameterError
from helpers.run.notebooks import find_chapters, read_source

TOC = Path("_toc.yml")
PROFILES = Path("notebooks") / "profiles.yml"


def with_chapter(toc: str, root: Path, chapter: str) -> str:
    """Return the table of contents with a chapter after the last one that computes something.

    Raises
    ------
    ParameterError
        If no chapter stands there.
    """
    computing = [name for name in find_chapters(root) if not read_source(root, name).reads_results]
    for name in reversed(computing):
        line = re.search(rf"^( *- file: notebooks/){name}\n", toc, flags=re.MULTILINE)
        if line is not None:
            return f"{toc[: line.end()]}{line[1]}{chapter}\n{toc[line.end() :]}"
    msg = f"{TOC} names no chapter; add by hand: - file: notebooks/{chapter}"
    raise ParameterError(msg)


def with_profiles(profiles: str, chapter: str, parameters: str) -> str:
    """Return the profiles with the parameters of a chapter at the end of each profile.

    Parameters
    ----------
    profiles : str
        Text of ``notebooks/profiles.yml``; ``chapters`` is the last key of a profile.
    chapter : str
    parameters : str
        YAML: profile to parameters; profiles that the project does not have are left out.

    Raises
    ------
    ParameterError
        If the text is written in another way than this expects.
    """
    before = yaml.safe_load(profiles)
    wanted = copy.deepcopy(before)
    text = profiles.rstrip("\n") + "\n"
    for profile, values in yaml.safe_load(parameters).items():
        if profile not in before:
            continue
        entry = yaml.safe_dump(values, default_flow_style=True, sort_keys=False, width=1000).strip()
        wanted[profile]["chapters"] = {**(before[profile].get("chapters") or {}), chapter: values}
        start = re.search(rf"^{re.escape(profile)}:.*\n", text, flags=re.MULTILINE)
        following = re.search(r"^\S", text[start.end() :], flags=re.MULTILINE) if start else None
        end = start.end() + following.start() if start and following else len(text)
        text = f"{text[:end]}    {chapter}: {entry}\n{text[end:]}"
    if _parsed(text) != wanted:
        msg = f"{PROFILES} is written in an unexpected way; add the parameters of {chapter} by hand"
        raise ParameterError(msg)
    return text


def _parsed(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None
