"""The data registry: what every input file is, where it comes from, and how to recognise it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    StringConstraints,
    ValidationError,
    model_validator,
)

from helpers.errors import RegistryError
from helpers.project import project_root
from helpers.strict_yaml import problems, read_yaml

GITHUB = "https://raw.githubusercontent.com"
#: Serves files of public repositories by commit, each up to 20 MB.
JSDELIVR = "https://cdn.jsdelivr.net/gh"
_LARGEST_COPY = 20_000_000
#: Registries, below ``data``.
REGISTRIES = "*/datasets.yml"

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Sha1 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Md5 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Chapter = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}_[a-z0-9_]+$")]


class DataFile(BaseModel):
    """One input file.

    Attributes
    ----------
    key : str
        Short name, unique in the registry.
    title : str
        What the file holds, in one line.
    tier : {"panel", "paper"}
    owner : str
        Who owns the data (not who keeps the repository).
    repository, commit : str, optional
        ``"owner/name"`` and the 40 hex digits of the commit, for files on GitHub; the address
        follows from them.
    path : str
        Path in the repository, or a file name; never leaves its folder.
    url : str, optional
        Address (https) of a file that is not on GitHub. A file with neither a repository nor an
        address is obtained by hand.
    bytes : int, optional
        Size, where known.
    sha256, git_blob_sha1, lfs_oid, md5 : str, optional
        At least one, unless ``unpinned``. ``git_blob_sha1`` is the sha1 of ``blob <size>``, a zero
        byte, and the content; ``lfs_oid`` is the sha256 that a Git LFS pointer names.
    instead_of : list of str
        Keys of files that are not needed where this one is at hand; it is not needed itself where it is not.
    unpinned : bool
        True for a file of the paper tier of which no hash is known: its content is not checked.
        The sha256 of what was read stands in the results in any case.
    licence : str
        Licence of the repository; terms of the data's owner apply in any case.
    chapters : list of str
        Chapters that read the file, e.g. ``"01_refdnn_reproduction"``.
    card : str
        Its data card, ``<name>/cards/<card>.md`` in ``data``.
    obtain : str
        How a user gets the file.
    kind : str, optional
        A kind of :data:`helpers.data.readers.kinds.KINDS`: :func:`helpers.data.readers.kinds.read` reads
        such a file by its key. Files without one have a loader of their own.
    measure : str, optional
        What the values of a matrix of response are, e.g. ``"log2_ic50"``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    title: Text
    tier: Literal["panel", "paper"]
    owner: Text
    repository: Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    commit: Sha1 | None = None
    path: Text
    url: Text | None = None
    bytes: PositiveInt | None = None
    sha256: Sha256 | None = None
    git_blob_sha1: Sha1 | None = None
    lfs_oid: Sha256 | None = None
    md5: Md5 | None = None
    instead_of: list[str] = Field(default_factory=list)
    unpinned: bool = False
    licence: Text
    chapters: Annotated[list[Chapter], Field(min_length=1)]
    card: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+/cards/[a-z0-9-]+\.md$")]
    obtain: Text
    kind: Text | None = None
    measure: Text | None = None

    @model_validator(mode="after")
    def _check(self) -> DataFile:
        parts = PurePosixPath(self.path).parts
        if "\\" in self.path or ":" in self.path or self.path.startswith("/") or ".." in parts:
            msg = f"path {self.path!r} leaves its folder; give a relative path without '..'"
            raise ValueError(msg)
        if (self.repository is None) != (self.commit is None):
            msg = "repository and commit belong together; give both or neither"
            raise ValueError(msg)
        if self.repository is not None and set(self.repository.split("/")) & {".", ".."}:
            msg = f"repository {self.repository!r} is not owner/name"
            raise ValueError(msg)
        if self.url is not None and not self.url.startswith("https://"):
            msg = f"url {self.url!r} is not https"
            raise ValueError(msg)
        if self.url is not None and self.repository is not None:
            msg = "the address of a GitHub file follows from repository, commit and path; leave url out"
            raise ValueError(msg)
        hashed = bool(self.sha256 or self.git_blob_sha1 or self.lfs_oid or self.md5)
        if not hashed and not (self.unpinned and self.tier == "paper"):
            msg = "no hash; give sha256, git_blob_sha1, lfs_oid or md5 (only paper files may be unpinned)"
            raise ValueError(msg)
        if hashed and self.unpinned:
            msg = "unpinned says that no hash is known, yet one is given; leave unpinned out"
            raise ValueError(msg)
        return self

    @property
    def location(self) -> str:
        """Relative path in the cache and in a mirror: ``owner/name/commit/path`` or ``key/path``."""
        if self.repository is None:
            return f"{self.key}/{self.path}"
        return f"{self.repository}/{self.commit}/{self.path}"

    @property
    def address(self) -> str | None:
        """Where the file can be downloaded (https); None when it is obtained by hand."""
        return self.url if self.repository is None else f"{GITHUB}/{self.location}"

    @property
    def addresses(self) -> list[str]:
        """All addresses: of a file on GitHub (not one of LFS, nor a large one) also jsDelivr's copy."""
        found = [] if self.address is None else [self.address]
        if self.repository is not None and self.lfs_oid is None and (self.bytes or 0) <= _LARGEST_COPY:
            found.append(f"{JSDELIVR}/{self.repository}@{self.commit}/{self.path}")
        return found


class Registry:
    """The list of all registered files.

    Parameters
    ----------
    files : list of DataFile
        Keys must be unique.
    source : str
        Name for messages.
    """

    def __init__(self, files: list[DataFile], source: str = "registry") -> None:
        self.files = list(files)
        self.source = source
        for field in ("key", "location"):
            seen: set[str] = set()
            for file in self.files:
                value = getattr(file, field)
                if value in seen:
                    msg = f"{source}: the {field} {value!r} is registered twice; every entry needs its own"
                    raise RegistryError(msg)
                seen.add(value)
        self._by_key = {file.key: file for file in self.files}

    @classmethod
    def load(cls, folder: str | Path | None = None) -> Registry:
        """Read all registries, ``<folder>/<name>/datasets.yml``.

        Parameters
        ----------
        folder : str or Path, optional
            Default ``data`` of the project.

        Raises
        ------
        RegistryError
            If there is none, one is not YAML, or an entry is malformed; the message names the file,
            the entry and the field.
        """
        folder = project_root() / "data" if folder is None else Path(folder)
        paths = sorted(folder.glob(REGISTRIES))
        if not paths:
            msg = f"no data registry: {folder} has no */datasets.yml"
            raise RegistryError(msg)
        return cls([file for path in paths for file in _read(path)], str(folder))

    def __getitem__(self, key: str) -> DataFile:
        try:
            return self._by_key[key]
        except KeyError:
            msg = f"{self.source} has no file {key!r}; it has {', '.join(sorted(self._by_key))}"
            raise RegistryError(msg) from None

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def __iter__(self) -> Iterator[DataFile]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def without_card(self, files: Iterable[DataFile]) -> list[str]:
        """Say which of the files name a data card that is not there."""
        folder = Path(self.source)
        return [f"{file.key}: {file.card}" for file in files if not (folder / file.card).is_file()]

    def select(self, tier: str | None = None, chapter: str | None = None) -> list[DataFile]:
        """Return the files of a tier, of a chapter, or of both; all files by default."""
        return [
            file
            for file in self.files
            if (tier is None or file.tier == tier) and (chapter is None or chapter in file.chapters)
        ]


def _read(path: Path) -> list[DataFile]:
    try:
        entries = read_yaml(path)
    except ValueError as error:
        msg = f"{path} is not readable YAML: {error}"
        raise RegistryError(msg) from error
    if not isinstance(entries, list) or not entries:
        msg = f"{path} must be a list of files, each with a key; got {type(entries).__name__}"
        raise RegistryError(msg)
    return [_parse(entry, number, path) for number, entry in enumerate(entries, 1)]


def _parse(entry: object, number: int, path: Path) -> DataFile:
    name = entry.get("key", "without a key") if isinstance(entry, dict) else "not a mapping"
    try:
        return DataFile.model_validate(entry)
    except ValidationError as error:
        msg = f"{path}, entry {number} ({name}): {problems(error)}"
        raise RegistryError(msg) from error
