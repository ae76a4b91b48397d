"""How a zip of a function or a layer is unpacked: into its own folder and nowhere else.

Stock runs the machine's `unzip`, which follows a zip's links, or sets permissions of the files that a name in the zip
leads to.
"""

import os
import stat
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo


def unzip(path: str, target_dir: str) -> None:
    """Unpack the zip file at `path` into the existing folder `target_dir`, and nothing anywhere else.

    Like `unzip`, this drops `/` at the start of a name, `.` and `..`. It makes links last, so that no file is written
    through one. Raises ValueError for a link that leads out of the folder: the engine sets permissions of the files in
    the folder, and would reach the machine's own files through the link.
    """
    root = Path(os.path.realpath(target_dir))
    with ZipFile(path) as archive:
        entries = archive.infolist()
        for entry in entries:
            if not _is_link(entry):
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


def _require_inside(root: Path, place: Path, target: str) -> None:
    if not Path(os.path.realpath(place)).is_relative_to(root):
        raise ValueError(f"the zip's link {place.relative_to(root)} leads out of it, to {target}")


def _is_link(entry: ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)


def _place(root: Path, name: str) -> Path:
    return root.joinpath(*(part for part in PurePosixPath(name).parts if part not in ("/", "//", "..")))
