"""The documents: their lines fit a screen, and what they name exists."""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml

from sandbox.state import REPOSITORY
from tests.unit.documents import DOCUMENTS, prose_of, quoted_in, text_of

LONGEST_LINE = 120
README_LINES = 149
# A link's address cannot be wrapped.
ADDRESS = re.compile(r"\[[^]]+]: \S+")
ENDINGS = {".py", ".toml", ".md", ".yaml", ".yml", ".asl", ".lock", ".html"}
# Files that a document tells its reader to write, or that a command writes.
EXAMPLES = {"plan.json", "orders.jsonl", "manifest.json", "latest.json", "tune.html"}
OWN_WORDS = {
    "advance", "announce", "architecture", "attempt", "batch", "batch record", "batcher", "bill", "bitmap",
    "bottleneck", "break off", "chaos", "check message", "check, to", "chunk", "chunk record", "claim", "clock",
    "closing record", "completion lag", "cursor", "derived", "done", "drained", "dropped chunk",
    "ending", "engine", "expected", "extent", "failed", "failure recorder", "fault", "fence", "finalizer", "finished",
    "front", "generation", "glimpse", "hold", "idle", "item", "jump", "lane", "lease", "ledger", "left over", "meter",
    "mistake", "nudge", "orchestration", "owner", "pending", "pinned", "plan", "poll", "price book", "processor",
    "quiet", "redelivered", "redrive", "rejection", "remaining", "resolved", "return", "round", "sandbox", "seal",
    "segment", "settled", "shard", "skip", "skipped", "stable", "stalled", "stock", "survey", "sweep", "tune", "unit",
    "warden", "window", "witness", "work folder", "workload", "your code",
    "at rest", "break-even", "month",
}  # fmt: skip


def files_of_the_project() -> list[Path]:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Path(line) for line in tracked.stdout.splitlines() if (REPOSITORY / line).exists()]


FILES = files_of_the_project()
TOP = {path.parts[0] for path in FILES}
FOLDERS = {parent for path in FILES for parent in path.parents}


def is_there(name: str) -> bool:
    """Whether a file or folder of the project has this path, or, where `name` has no slash, this name."""
    if "/" not in name:
        return any(path.match(name) for path in FILES)
    return any(path.full_match(name.rstrip("/")) for path in (*FILES, *FOLDERS))


def paths_in(text: str) -> set[str]:
    """The words in backticks that name a file or a folder of the project."""
    words = {word for quoted in quoted_in(text) for word in quoted.split() if re.fullmatch(r"[\w.*/-]+", word)}
    return {
        word
        for word in words - EXAMPLES
        if ("/" in word and word.split("/")[0] in TOP) or ("/" not in word and Path(word).suffix in ENDINGS)
    }


def anchors_of(document: str) -> set[str]:
    """The names by which links reach a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose_of(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_no_line_of_a_document_is_longer_than_a_screen(document: Path) -> None:
    lines = enumerate(text_of(document).splitlines(), 1)
    assert [number for number, line in lines if len(line) > LONGEST_LINE and not ADDRESS.fullmatch(line)] == []


def test_the_readme_is_short() -> None:
    assert len(text_of("README.md").splitlines()) <= README_LINES


def test_make_tells_the_same_path_as_the_readme() -> None:
    [path] = re.findall(r"^\$ (export PATH=.*)$", (REPOSITORY / "README.md").read_text(), re.MULTILINE)
    assert path in (REPOSITORY / "Makefile").read_text().replace("$$", "$")


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_backticks_close_on_their_line(document: Path) -> None:
    assert [line for line in prose_of(document).splitlines() if line.count("`") % 2] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    assert sorted(name for name in paths_in(prose_of(document)) if not is_there(name)) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_link_within_the_documents_leads_somewhere(document: Path) -> None:
    broken = []
    for link in re.findall(r"]\(([^)\s]+)\)", prose_of(document)):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        path = (REPOSITORY / document.parent / target).resolve() if target else REPOSITORY / document
        if not path.exists() or (anchor and anchor not in anchors_of(str(path.relative_to(REPOSITORY)))):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if d.name in ("guarantees.md", "SECURITY.md")], ids=str)
def test_every_test_that_a_document_names_exists(document: Path) -> None:
    sources = "\n".join((REPOSITORY / path).read_text() for path in FILES if path.match("tests/**/*.py"))
    named = {quoted for quoted in quoted_in(prose_of(document)) if re.fullmatch(r"test_\w+", quoted)}
    assert sorted(name for name in named if f"def {name}(" not in sources) == []


def test_the_glossary_has_every_own_word_once_in_the_order_of_the_alphabet() -> None:
    entries = re.findall(r"^- \*\*(.+?)\*\*", text_of("docs/glossary.md"), re.MULTILINE)
    assert OWN_WORDS - set(entries) == set()
    assert [word for word, times in Counter(entries).items() if times > 1] == []
    assert entries == sorted(entries, key=str.lower)


def test_every_entry_of_the_glossary_names_where_the_word_lives() -> None:
    entries = re.split(r"^- (?=\*\*)", text_of("docs/glossary.md").partition("\n## ")[0], flags=re.MULTILINE)[1:]
    assert [entry[:40] for entry in entries if not paths_in(entry)] == []


def makes_in(text: str) -> list[str]:
    """Each `make` line of a script or a workflow: the variables set before it that it needs, and its words."""
    commands = re.findall(r"((?:[A-Z_]+=1 )*)\b(make [a-z0-9-]+(?: [A-Z]+=\S+)*)$", text, re.MULTILINE)
    return [needs + command for needs, command in commands]


def test_the_workflow_makes_what_the_check_on_a_bare_machine_makes() -> None:
    workflow = yaml.safe_load((REPOSITORY / ".github/workflows/check.yml").read_text())
    runs = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert makes_in("\n".join(runs)) == makes_in((REPOSITORY / ".ci/run").read_text())
    targets = re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    for command in makes_in("\n".join(runs)):
        assert re.search(r"make ([a-z0-9-]+)", command).group(1) in targets  # type: ignore[union-attr]


def test_the_workflow_may_only_read_and_its_actions_are_pinned_by_their_commits() -> None:
    text = (REPOSITORY / ".github/workflows/check.yml").read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    uses = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert uses
    assert [name for name in uses if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", name)] == []


def test_the_hooks_before_a_commit_run_commands_of_make_check() -> None:
    config = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())
    makefile = (REPOSITORY / "Makefile").read_text().replace("$(RUN)", "uv run --no-sync")
    check, lint = (makefile.split(f"\n{target}:")[1].partition("\n\n")[0] for target in ("check", "lint"))
    assert re.search(r"\$\(MAKE\) .*\blint\b", check)
    commands = [line.strip() for line in lint.splitlines()[1:]]
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    entries = [hook["entry"] for hook in config["repos"][0]["hooks"]]
    assert len(entries) == 4
    assert set(entries) <= set(commands)
