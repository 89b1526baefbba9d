"""Where the project's files lie."""

from __future__ import annotations

import os
from pathlib import Path

from helpers.errors import HelpersError

_MARK = Path("notebooks") / "profiles.yml"


def project_root() -> Path:
    """Return the folder that holds ``notebooks/profiles.yml``.

    Looks at the environment variable ``HELPERS_PROJECT``, then at the working directory and its
    parents, then at the checkout that this package was installed from (``pip install -e``).

    Raises
    ------
    HelpersError
        If none of them is a checkout of the project.
    """
    named = os.environ.get("HELPERS_PROJECT")
    here = Path.cwd()
    candidates = [Path(named)] if named else [here, *here.parents, Path(__file__).parents[2]]
    for folder in candidates:
        if (folder / _MARK).is_file():
            return folder.resolve()
    msg = (
        f"no project found from {named or here}: no folder holds {_MARK}. "
        "Run inside a checkout, or set HELPERS_PROJECT to one."
    )
    raise HelpersError(msg)
