"""`python -m sandbox.host.clean`: stops every sandbox of this checkout, and removes the images that it has built."""

import sys

from sandbox.host import control, docker, native
from sandbox.state import REPOSITORY, SandboxError

# What every command that starts a native engine, or deploys, leaves in the sandbox's folder.
TRACES = ("engine.log", "engine.pid", "deploying.lock")


def main() -> int:
    """Say what is stopped and removed. Returns 1 if something could not be."""
    missing = docker.missing()
    there = {} if missing else docker.images()
    failed = 0
    for project in sorted({*projects(), *({} if missing else docker.projects())}):
        try:
            if stopped := control.stop(project):
                print(f"stopped the sandbox {project} at {stopped.endpoint} ({stopped.engine})")
            native.stop(project)  # what an engine that was killed has left in /tmp
            if project in there:
                docker.remove_images(project)
                print(f"removed {', '.join(there[project])}")
        except SandboxError as error:
            failed = 1
            print(error, file=sys.stderr)
    if missing:
        print(f"Docker images, if this checkout has made any, are left: {missing}")
    return failed


def projects() -> list[str]:
    """The sandboxes that this checkout has had."""
    folders = (REPOSITORY / ".rollcall").glob("*")
    return [folder.name for folder in folders if any((folder / trace).exists() for trace in TRACES)]


if __name__ == "__main__":
    sys.exit(main())
