"""The command line `dphm`: finds the command, which finds what it needs; errors are one line and exit code 2."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from dphm_core.errors import DphmError

if TYPE_CHECKING:
    from dphm_core.commands.base import Command

COMMANDS = {
    "track": ("track:Track", "track the head in a recording: meshes, numbers, report, contact sheet"),
    "app": ("look:App", "open the window"),
    "info": ("look:Info", "tell what a recording or camera holds"),
    "evaluate": ("look:Evaluate", "compare a track with its recording's depth and ground truth"),
    "bench": ("look:Bench", "time the camera stages on this machine"),
    "import-checkpoint": ("checkpoint:ImportCheckpoint", "turn an official DPHM checkpoint into a model"),
    "synth recording": ("synth:SynthRecording", "render a made-up person before a depth camera"),
    "synth prepare": ("synth:SynthPrepare", "prepare a checkout of ICT-FaceKit for training and synthesis"),
    "train heads": ("train:TrainHeads", "train one field of the default model"),
    "train export": ("train:TrainExport", "put trained fields together into a model"),
    "train report": ("train:TrainReport", "measure a default model on heads it never saw"),
    "landmark-model": ("look:LandmarkModel", "print where the face landmark model is, fetching it if need be"),
}
"""Name → class in `dphm_core.commands`, imported when called for, and what it does."""

USAGE_ERROR, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command (console script `dphm`); returns the exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after `dphm`; those of the process by default.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = next((name for name in COMMANDS if words[: len(name.split())] == name.split()), None)
    if name is None:
        return _overview(words)
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING, force=True)
    try:
        command = _parse(name, words[len(name.split()) :])
        if command.verbose:
            logging.getLogger("dphm_core").setLevel(logging.INFO)
        return command.run(print)
    except DphmError as error:
        print(f"dphm {name}: {' '.join(str(error).split())}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print(f"dphm {name}: interrupted", file=sys.stderr)
        return INTERRUPTED


def _parse(name: str, words: list[str]) -> Command:
    """Build a command from its words; prints help or what is wrong with them, and exits, where they ask for it."""
    import tyro

    module, _, kind = COMMANDS[name][0].partition(":")
    command: type[Command] = getattr(import_module(f"dphm_core.commands.{module}"), kind)
    return tyro.cli(command, prog=f"dphm {name}", args=words)


def _overview(words: list[str]) -> int:
    """Print the commands, those of a group where one is named; an error unless that was asked for."""
    asked = not words or words[-1] in ("-h", "--help")
    group = words[0] if words and not words[0].startswith("-") else ""
    chosen = {name: told for name, (_, told) in COMMANDS.items() if name.split()[0] == group}
    stream = sys.stdout if asked and (chosen or not group) else sys.stderr
    if not chosen and group:
        print(f"dphm: there is no command '{group}'", file=stream)
    print("usage: dphm COMMAND …     (dphm COMMAND --help tells its options)\n", file=stream)
    for name, (_, told) in COMMANDS.items():
        if not chosen or name in chosen:
            print(f"  {name:18}{told}", file=stream)
    return 0 if stream is sys.stdout else USAGE_ERROR


if __name__ == "__main__":
    sys.exit(main())
