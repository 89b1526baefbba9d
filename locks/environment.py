"""Make the environment of this platform in ``.venv`` from its lock (make env), unless it is there already.

It is made beside and renamed when complete, so that a kill at any moment leaves the old one or none, never a
part of one. The stamp inside says which lock it was made from, by hash. Needs nothing but Python.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
STAMP = ".made-from"


def lock_name(system: str, machine: str, cuda: bool) -> str:
    """Return the name of the lock for a platform.

    Parameters
    ----------
    system, machine : str
        As `platform.system` and `platform.machine` name them.
    cuda : bool
        Whether torch is to be a build with CUDA.
    """
    names = {
        ("Linux", "x86_64"): "linux-x86_64-cuda" if cuda else "linux-x86_64-cpu",
        ("Linux", "aarch64"): "linux-aarch64",
        ("Darwin", "arm64"): "macos-arm64",
    }
    name = names.get((system, machine))
    if name is None or (cuda and system != "Linux"):
        with_cuda = " with CUDA" if cuda else ""
        msg = f"there is no lock for {system} on {machine}{with_cuda}; there are: {', '.join(names.values())}"
        raise SystemExit(msg)
    return name


def made_from(folder: Path) -> tuple[str, str, str]:
    """Return what the stamp says: lock, its hash, hash of pyproject.toml; empty if there is none."""
    try:
        lock, lock_hash, project_hash = (folder / STAMP).read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return "", "", ""
    return lock, lock_hash, project_hash


def wanted_lock(folder: Path, cuda: str) -> str:
    """Return the lock to use: as ``cuda`` says (1 or 0), else the one that the environment was made from."""
    before = made_from(folder)[0]
    keep = before.endswith("-cuda") if cuda == "" else cuda == "1"
    return lock_name(platform.system(), platform.machine(), keep)


def ensure(root: Path, folder: Path, cuda: str = "") -> None:
    """Make the environment ``folder`` unless it is there already.

    Raises
    ------
    SystemExit
        If this Python is not 3.11, there is no lock for this platform, or pip fails.
    """
    if sys.version_info[:2] != (3, 11):
        msg = f"Python 3.11 is needed, this is {platform.python_version()}: make PYTHON=python3.11"
        raise SystemExit(msg)
    with (folder.parent / f"{folder.name}.lock").open("w", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # a second make waits for the first
        recover(folder)
        lock = root / "locks" / f"{wanted_lock(folder, cuda)}.txt"
        stamp = (lock.stem, _hash(lock), _hash(root / "pyproject.toml"))
        before = made_from(folder)
        if before[:2] != stamp[:2]:
            print(f"making {folder.name} from {lock.relative_to(root)}: some minutes, a few GB", flush=True)
            build(folder, lambda fresh: install(fresh, root, lock, stamp))
        elif before != stamp:  # the same packages, perhaps another command or version of ours
            install_project(folder, root)
            write_stamp(folder, stamp)


def recover(folder: Path) -> None:
    """Put the old environment back if a kill came between the two renames; remove what is unfinished."""
    old, fresh = folder.with_name(f"{folder.name}.old"), folder.with_name(f"{folder.name}.new")
    if old.exists() and not folder.exists():
        old.rename(folder)
    for path in (old, fresh):
        shutil.rmtree(path, ignore_errors=True)


def build(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make ``folder`` beside and rename it; ``fill`` puts the packages into the folder that it is given."""
    old, fresh = folder.with_name(f"{folder.name}.old"), folder.with_name(f"{folder.name}.new")
    venv.create(fresh, with_pip=True, symlinks=True)
    fill(fresh)
    for script in (fresh / "bin").iterdir():  # they name the folder that they were installed into
        if script.is_file() and not script.is_symlink():
            content = script.read_bytes()
            if str(fresh).encode() in content:
                script.write_bytes(content.replace(str(fresh).encode(), str(folder).encode()))
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def install(folder: Path, root: Path, lock: Path, stamp: tuple[str, str, str]) -> None:
    """Install what the lock lists, each file checked against its hash, and the project itself."""
    text = lock.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as place:
        torch = Path(place) / "torch.txt"
        torch.write_text(requirement(text, "torch"), encoding="utf-8")
        # The build without CUDA is not on PyPI. Its index is asked for it alone: one that cannot be reached
        # would cost a wait for each name.
        if not pip(folder, "--requirement", str(torch), must=False):
            pip(folder, "--requirement", str(torch), "--extra-index-url", TORCH_INDEX)
        pip(folder, "--requirement", str(lock))
    install_project(folder, root)
    write_stamp(folder, stamp)


def install_project(folder: Path, root: Path) -> None:
    """Install the project so that its files are used where they are."""
    pip(folder, "--no-build-isolation", "--editable", str(root))


def requirement(text: str, name: str) -> str:
    """Return the lines of one package in a lock, hashes included."""
    lines = text.splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if line.startswith(f"{name}=="))
    end = next((i for i in range(start, len(lines)) if not lines[i].rstrip().endswith("\\")), len(lines))
    return "".join(lines[start : end + 1])


def pip(folder: Path, *arguments: str, must: bool = True) -> bool:
    """Run pip in an environment; return whether it succeeded."""
    command = [
        str(folder / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-deps",
    ]
    done = subprocess.run(
        [*command, *arguments], capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode and must:
        said = "\n".join(done.stderr.splitlines()[-15:])
        msg = f"pip could not install {' '.join(arguments)}:\n{said}"
        raise SystemExit(msg)
    return done.returncode == 0


def write_stamp(folder: Path, stamp: tuple[str, str, str]) -> None:
    """Say what the environment was made from; the last step."""
    fresh = folder / f"{STAMP}.new"
    fresh.write_text(" ".join(stamp) + "\n", encoding="utf-8")
    fresh.replace(folder / STAMP)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    ensure(ROOT, ROOT / ".venv", os.environ.get("CUDA", ""))
