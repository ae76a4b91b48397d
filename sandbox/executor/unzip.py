"""How a zip of a function or a layer is unpacked: into its own folder and nowhere else. `unzip.py ZIP FOLDER` does it.

Stock runs the machine's `unzip`, which follows a zip's links, or sets permissions of the files that a name in the zip
leads to. This is a program of its own, of the standard library only: in the engine each of 3,000 files would wait many
times for the other threads, and a layer would take seconds.
"""

import os
import stat
import sys
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

MODE = 0o755


def unzip(path: str, target_dir: str) -> None:
    """Unpack the zip file at `path` into the existing folder `target_dir`, and nothing anywhere else.

    Like `unzip`, this drops `/` at the start of a name, `.` and `..`. It makes links last, so that no file is written
    through one. All files can be executed. Raises ValueError for a link that leads out of the folder: functions may
    change what is in theirs.
    """
    root = Path(os.path.realpath(target_dir))
    root.chmod(MODE)
    with ZipFile(path) as archive:
        entries = archive.infolist()
        for entry in entries:
            if not _is_link(entry):
                os.chmod(archive.extract(entry, root), MODE)
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


if __name__ == "__main__":
    os.umask(0o022)
    unzip(*sys.argv[1:])
