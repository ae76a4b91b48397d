"""How a function's zip is unpacked: into its own folder and nowhere else, and no folder twice.

Stock runs the machine's `unzip`, which follows a zip's links, or sets permissions of the files that a name in the zip
leads to. Most of a zip is the SDK, in some 2,000 files, and the same in every version of a function: so folders are
unpacked once, beside the functions' code, and linked.
"""

import os
import shutil
import stat
from collections import defaultdict
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from zipfile import ZipFile, ZipInfo

from localstack import config
from localstack.utils.files import chmod_r

SHARED = Path(config.dirs.tmp, "lambda-folders")


def unzip(path: str, target_dir: str) -> None:
    """Unpack the zip file at `path` into the existing folder `target_dir`, and nothing anywhere else.

    Like `unzip`, this drops `/` at the start of a name, `.` and `..`. It makes links last, so that no file is written
    through one. Raises ValueError for a link that leads out of the folder: the engine sets permissions of the files in
    the folder, and would reach the machine's own files through the link.
    """
    root = Path(os.path.realpath(target_dir))
    with ZipFile(path) as archive:
        entries = archive.infolist()
        shared = _folders(entries)
        for name, members in shared.items():
            (root / name).symlink_to(_shared(archive, name, members))
        for entry in entries:
            if not _is_link(entry) and entry.filename.split("/")[0] not in shared:
                archive.extract(entry, root)
        links = {_place(root, entry.filename): archive.read(entry).decode() for entry in entries if _is_link(entry)}
    for link, target in links.items():
        _require_inside(root, link.parent, target)
        if os.path.lexists(link):
            raise ValueError(f"the zip has both a link and a file or folder {link.relative_to(root)}")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    for link, target in links.items():  # a link may lead through others, so only now it leads to its end
        _require_inside(root, link, target)


def delete_unused_folders(code: Path) -> None:
    """Delete the shared folders that no function's folder below `code` has a link to."""
    used = {os.readlink(link) for link in code.glob("*/code/*") if link.is_symlink()}
    for folder in SHARED.iterdir() if SHARED.exists() else ():
        if str(folder) not in used:
            shutil.rmtree(folder)


def _folders(entries: list[ZipInfo]) -> Mapping[str, list[ZipInfo]]:
    """The entries of each folder at the top of the zip; none if it has links, or names that lead elsewhere."""
    folders: defaultdict[str, list[ZipInfo]] = defaultdict(list)
    for entry in entries:
        name, *below = entry.filename.split("/")
        if _is_link(entry) or not {"", ".", ".."}.isdisjoint([name, *below[:-1]]) or below[-1:] in (["."], [".."]):
            return {}
        if below:
            folders[name].append(entry)
    plain = {entry.filename for entry in entries}
    return {name: members for name, members in folders.items() if name not in plain}


def _shared(archive: ZipFile, name: str, members: list[ZipInfo]) -> Path:
    """The shared folder with the content of the zip's folder `name`, by the names, sizes and CRCs of its files."""
    content = sorted((entry.filename, entry.file_size, entry.CRC) for entry in members)
    folder = SHARED / sha256(repr(content).encode()).hexdigest()
    if not folder.exists():
        SHARED.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=SHARED.parent) as temporary:
            archive.extractall(temporary, members)
            chmod_r(temporary, 0o755)
            Path(temporary, name).rename(folder)
    return folder


def _require_inside(root: Path, place: Path, target: str) -> None:
    if not Path(os.path.realpath(place)).is_relative_to(root):
        raise ValueError(f"the zip's link {place.relative_to(root)} leads out of it, to {target}")


def _is_link(entry: ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)


def _place(root: Path, name: str) -> Path:
    return root.joinpath(*(part for part in PurePosixPath(name).parts if part not in ("/", "//", "..")))
