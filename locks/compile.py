"""Write the locks: every file of an environment with its hashes, one list a platform (make locks).

The source is ``pyproject.toml`` (which packages) and ``requirements.lock`` (which versions). Versions of
tools that no number depends on, JupyterLab for example, are kept from the lock that is there.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHON = "3.11.7"
EXTRAS = ("dev", "lab", "site")
#: Lock: platform of uv, and whether torch is the build without CUDA, which is on an index of its own.
LOCKS = {
    "linux-x86_64-cpu": ("x86_64-manylinux_2_28", True),
    "linux-x86_64-cuda": ("x86_64-manylinux_2_28", False),
    "linux-aarch64": ("aarch64-manylinux_2_28", False),
    "macos-arm64": ("aarch64-apple-darwin", False),
}
MACOS = "14.0"  # the oldest that the wheels of torch are for
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
_MARK = "# {marks} pip: everything between these lines is written by locks/compile.py"


def main() -> None:
    """Write all locks, the packages in ``environment.yml``, and what Binder installs."""
    project = ["pyproject.toml", *(part for extra in EXTRAS for part in ("--extra", extra))]
    for name, (platform, without_cuda) in LOCKS.items():
        options = ["--python-platform", platform, "--generate-hashes"]
        compile_to(ROOT / "locks" / f"{name}.txt", [*project, *options], without_cuda)
    binder = ["--group", "pyproject.toml:binder", "--python-platform", LOCKS["linux-x86_64-cpu"][0]]
    compile_to(ROOT / ".binder" / "requirements.txt", binder, without_cuda=True)
    path = ROOT / ".binder" / "requirements.txt"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([lines[0], f"--extra-index-url {TORCH_INDEX}\n", *lines[1:]]), encoding="utf-8")
    write_conda(project)


def compile_to(target: Path, options: Sequence[str], without_cuda: bool) -> None:
    """Resolve into ``target``; what it holds is kept where nothing asks for another version."""
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "versions.txt"
        constraints.write_text(versions(without_cuda), encoding="utf-8")
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
        command += [
            "--python-version",
            PYTHON,
            "--constraint",
            str(constraints),
            "--output-file",
            str(target),
        ]
        environment = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": MACOS}
        if not without_cuda:  # a build without CUDA on this machine is not to be preferred
            environment.pop("UV_FIND_LINKS", None)
        elif "UV_FIND_LINKS" not in environment:
            command += ["--extra-index-url", TORCH_INDEX, "--index-strategy", "unsafe-best-match"]
        subprocess.run([*command, *options], check=True, cwd=ROOT, env=environment)
    text = "# Written by make locks.\n" + target.read_text(encoding="utf-8")
    target.write_text(text, encoding="utf-8")


def versions(without_cuda: bool) -> str:
    """Return ``requirements.lock`` with the names that other platforms have for the same packages."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    text += re.sub(r"(?s).*^tensorflow_cpu(==\S+).*", r"tensorflow\1\n", text, flags=re.MULTILINE)
    return re.sub(r"^(torch==\S+)", r"\1+cpu", text, flags=re.MULTILINE) if without_cuda else text


def write_conda(project: Sequence[str]) -> None:
    """Write the packages of ``environment.yml``: one list for all platforms, with markers."""
    path = ROOT / "environment.yml"
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "all.txt"
        compile_to(listed, [*project, "--universal"], without_cuda=False)
        lines = listed.read_text(encoding="utf-8").splitlines()
    pins = [f'      - "{line.strip()}"' for line in lines if line[0] not in "#-" and "== '3.12" not in line]
    begin, end = _MARK.format(marks=">>>"), _MARK.format(marks="<<<")
    text = path.read_text(encoding="utf-8")
    middle = "\n".join([f"      {begin}", *pins, f"      {end}"])
    pattern = rf"^ *{re.escape(begin)}.*^ *{re.escape(end)}"
    path.write_text(re.sub(pattern, lambda _: middle, text, flags=re.DOTALL | re.MULTILINE), encoding="utf-8")


if __name__ == "__main__":
    main()
