"""What the documentation names is there: files, sections, commands, options, messages."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from itertools import chain
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("models/default/*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """A page's headings as GitHub and MkDocs link to them."""
    text = INDENTED_FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ +(.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = INDENTED_FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        if re.match(r"\w+:", target):
            continue
        name, _, section = target.partition("#")
        file = page if not name else (page.parent / name).resolve()
        assert file.exists(), f"{page.name}: {target}"
        if section:
            assert section in anchors(file), f"{page.name}: {target}"


def test_every_page_is_in_the_sites_menu() -> None:
    def files(entry: object) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        values = entry.values() if isinstance(entry, dict) else entry
        return [file for value in values for file in files(value)]

    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = {str(page.relative_to(ROOT / "docs").as_posix()) for page in ROOT.glob("docs/**/*.md")}
    assert set(files(settings["nav"])) == pages


def test_pages_of_the_site_link_to_nothing_outside_of_it() -> None:
    for page in ROOT.glob("docs/**/*.md"):
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            if not re.match(r"\w+:|#", target):
                assert (page.parent / target.partition("#")[0]).resolve().is_relative_to(ROOT / "docs"), target


def commands(page: Path) -> list[str]:
    """The lines of a page's shell blocks that call `dphm`, continued ones joined."""
    blocks = [body for kind, body in FENCE.findall(page.read_text(encoding="utf-8")) if kind in ("sh", "bat")]
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    calls = [call for line in lines for call in re.split(r"&&|;|#", line)[:2]]
    return [call.strip() for call in calls if call.strip().startswith("dphm ")]


def test_every_command_has_its_line() -> None:
    from dphm_core.cli import COMMANDS

    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    assert [command for command in COMMANDS if not re.search(rf"`dphm {command}[` ]", text)] == []


@cache
def help_of(command: str) -> str:
    """What `dphm COMMAND --help` prints."""
    import contextlib
    import io

    from dphm_core.cli import main

    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        main([*command.split(), "--help"])
    return out.getvalue()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_are_there(page: Path) -> None:
    from dphm_core.cli import COMMANDS

    for call in commands(page):
        words = call.split()[1:]
        name = max((known for known in COMMANDS if words[: len(known.split())] == known.split()), key=len, default="")
        assert name, call
        told = help_of(name)
        for option in re.findall(r"(?<=\s)--[\w.-]+", call):
            assert option in told, f"{page.name}: {call}: {option}"


def test_packages_to_install_are_named_in_the_versions_that_were_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    pins = dict(entry.split("==") for entry in listed)
    texts = [*PAGES, *(ROOT / "dphm_core").rglob("*.py")]
    named = [
        found
        for file in texts
        for line in re.findall(r"pip\s+install\s[^`\"\n]*", file.read_text(encoding="utf-8"))
        for found in re.findall(r"([\w-]+)==([\w.]+)", line)
    ]
    assert len(named) > 8
    for package, version in named:
        assert package == "pyorbbecsdk2" or pins[package] == version, package  # which is no extra: see pyproject.toml


def test_messages_in_troubleshooting_are_the_programs_own() -> None:
    source = "".join(
        path.read_text(encoding="utf-8") for folder in ("dphm_core", "app") for path in (ROOT / folder).rglob("*.py")
    )
    source = re.sub(r'"\s*\n\s*f?"', "", source)  # a message over several lines
    rows = [line for line in (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8").splitlines() if "|" in line]
    messages = [message for row in rows for message in re.findall(r"`([^`]+)`", row.split("|")[1])]
    messages = [message for message in messages if "Qt" not in message]
    assert len(messages) > 20
    for message in messages:
        for piece in message.split("…"):
            assert piece.strip() in source, message
