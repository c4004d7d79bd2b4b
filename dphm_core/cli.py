"""The command line `dphm`: finds the command, which finds what it needs; errors are one line and exit code 2."""

from __future__ import annotations

import io
import logging
import os
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING

from dphm_core import __version__
from dphm_core.errors import DphmError

if TYPE_CHECKING:
    from dphm_core.commands.base import Command

COMMANDS = {
    "track": ("track:Track", "track the head in a recording: meshes, numbers, report, contact sheet"),
    "batch": ("batch:Batch", "track many recordings side by side, here or on several machines"),
    "export": ("export:Export", "write a track's meshes, codes and poses for other programs"),
    "stream": ("stream:Stream", "track a camera and send every frame to other programs: OSC, VMC, UDP, WebSocket"),
    "video": ("video:Video", "make a video of a track: over the picture, turning, or both"),
    "preprocess": ("preprocess:Preprocess", "write points, normals and landmarks of a DPHM-Kinect sequence"),
    "convert": ("convert:Convert", "turn any recording into a folder of images, or into an Azure Kinect recording"),
    "app": ("look:App", "open the window"),
    "info": ("look:Info", "tell what a recording or camera holds"),
    "evaluate": ("look:Evaluate", "compare a track with its recording's depth and ground truth"),
    "bench track": ("bench_track:BenchTrack", "measure the tracker: speed, latency, accuracy, what each term is worth"),
    "bench record": ("bench_record:BenchRecord", "measure recording beside live tracking: frames lost, time, room"),
    "bench stream": ("bench_stream:BenchStream", "measure what live streams cost, and how late they are"),
    "bench load": ("bench_load:BenchLoad", "play a recording as a live camera, and count which frames are left out"),
    "bench export": ("bench_export:BenchExport", "measure how large each export format is, and how long it takes"),
    "bench": ("look:Bench", "time the camera stages on this machine"),
    "sample": ("generate:Sample", "draw heads from a model's latent priors"),
    "decode": ("generate:Decode", "show a code that a model was trained with as a mesh"),
    "import-checkpoint": ("checkpoint:ImportCheckpoint", "turn an official DPHM checkpoint into a model"),
    "synth recording": ("synth:SynthRecording", "render a made-up person before a depth camera"),
    "synth scans": ("synth:SynthScans", "make up head scans in the layout of NPHM's data set"),
    "synth prepare": ("synth:SynthPrepare", "prepare a checkout of ICT-FaceKit for training and synthesis"),
    "train heads generator": ("train:TrainHeads", "train one field of the default model on made-up heads"),
    "train heads scans": ("train_scans:TrainHeadsScans", "train head models on scans, in one process or many"),
    "train prepare": ("train:TrainPrepare", "draw training samples from a folder of head scans"),
    "train diffusion": ("train:TrainDiffusion", "train the prior over a model's identity or expression codes"),
    "train export": ("train:TrainExport", "put trained fields together into a model"),
    "train report": ("train:TrainReport", "measure a default model on heads it never saw"),
    "landmark-model": ("look:LandmarkModel", "print where the face landmark model is, fetching it if need be"),
}
"""Name → class in `dphm_core.commands`, imported when called for, and what it does; of two that fit, the first."""
RENAMED = {f"train heads {part}": f"train heads generator {part}" for part in ("identity", "expression")}
"""What commands were called → what they are called now."""

CLOSE = 0.7
"""How alike (0..1) a word must be to a command that may have been meant."""
USAGE_ERROR, INTERRUPTED, NOBODY_READS = 2, 130, 141
"""Exit codes; the latter two are what shells give programs that these ended."""
EXPLANATION = " " * 8
"""Begin of the lines in which tyro repeats what an option is for."""
PLAINER = (
    (r"no type matching \{None\}\|(\w+) could be instantiated from \['(.*?)'\].*", r"'\2' is no \1"),
    (r"invalid literal for int\(\) with base 10: ('.*?')", r"\1 is no INT"),
    (r"could not convert string to float: ('.*?')", r"\1 is no FLOAT"),
    (r"Missing value for argument '(\w+)'\. Expected 1 values", r"'\1' is missing; it has no --\1 before it"),
)
"""What tyro says and few understand, and what is said instead: of an option that may be left out, of the others that
are numbers, and of a value that is known by its place, whether or not it was given as an option."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command (console script `dphm`); returns the exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after `dphm`; those of the process by default.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # on Windows a pipe has a code page that lacks letters
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = next((name for name in COMMANDS if words[: len(name.split())] == name.split()), None)
    if name is None or _is_slip(name, words):
        return _overview(words)
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING, force=True)
    try:
        command = _parse(name, words[len(name.split()) :])
        if command.verbose:
            logging.getLogger("dphm_core").setLevel(logging.INFO)
        code = command.run(print)
        sys.stdout.flush()  # here, where nobody's reading on is known to be no error
        return code
    except BrokenPipeError:  # as of `dphm info X | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it ends
        return NOBODY_READS
    except DphmError as error:
        print(f"dphm {name}: {' '.join(str(error).split())}", file=sys.stderr)
        return USAGE_ERROR
    except PermissionError as error:  # wherever nobody thought of it: no fault of the program's
        what = "" if error.filename is None else f"{error.filename}: "
        print(f"dphm {name}: {what}{error.strerror or 'Permission denied'}; check its permissions", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt as error:
        print(f"dphm {name}: {f'interrupted {error}'.strip()}", file=sys.stderr)
        return INTERRUPTED


def _parse(name: str, words: list[str]) -> Command:
    """Build a command from its words; prints help, or one line on what is wrong with them, and exits with them."""
    import tyro

    module, _, kind = COMMANDS[name][0].partition(":")
    command: type[Command] = getattr(import_module(f"dphm_core.commands.{module}"), kind)
    complaint = io.StringIO()
    try:
        with redirect_stderr(complaint):
            return tyro.cli(command, prog=f"dphm {name}", args=words)
    except SystemExit as ended:
        if ended.code:
            print(f"dphm {name}: {_one_line(complaint.getvalue())}; see dphm {name} --help", file=sys.stderr)
        raise


def _one_line(box: str) -> str:
    """What tyro says in several lines under a title, two characters in, less the explanations of options."""
    told = []
    for line in box.splitlines()[1:]:
        text = line[2:].rstrip("│ ")
        if text.startswith(("For full helptext", "Argument helptext")):
            break
        if not text.startswith(EXPLANATION):
            told.append(f" {text.strip()}" if text.strip("─-") else ";")
    text = "".join(told)
    for said, plain in PLAINER:
        text = re.sub(said, plain, text)
    return text.strip(" ;.") or "wrong options"


def _is_slip(name: str, words: list[str]) -> bool:
    """Whether a command that is a group, too, is followed by what can only be meant as one of the group."""
    more = words[len(name.split()) :]
    return any(other.startswith(f"{name} ") for other in COMMANDS) and bool(more) and not more[0].startswith("-")


def _overview(words: list[str]) -> int:
    """Print the commands, those of a group where one is named; an error where there is no such command."""
    if words == ["--version"]:
        print(f"dphm {__version__}")
        return 0
    asked = [word for word in words if word not in ("-h", "--help")]
    chosen = {name: told for name, (_, told) in COMMANDS.items() if name.split()[: len(asked)] == asked}
    if not chosen:
        print(f"dphm: {_unknown(asked)}", file=sys.stderr)
        return USAGE_ERROR
    print("usage: dphm COMMAND …     (dphm COMMAND --help tells its options)\n")
    width = max(map(len, COMMANDS)) + 2
    for name, told in chosen.items():
        print(f"  {name:{width}}{told}")
    return 0


def _unknown(asked: list[str]) -> str:
    """What to say of words that are no command: what it is called now, or where its group is listed."""
    now = RENAMED.get(" ".join(asked[:3]))
    if now:
        return f"'{' '.join(asked[:3])}' is now '{now}'"
    group = asked
    while not any(name.split()[: len(group)] == group for name in COMMANDS):
        group = group[:-1]
    alone = " ".join(group) in COMMANDS  # its help is its own
    listed, wrong = " ".join(["dphm", *([] if alone else group), "--help"]), asked[len(group)]
    words = [name.split()[len(group)] for name in COMMANDS if name.split()[: len(group)] == group != name.split()]
    hint = "".join(f"is '{' '.join([*group, word])}' meant? " for word in get_close_matches(wrong, words, 1, CLOSE))
    return f"there is no command '{' '.join([*group, wrong])}'; {hint}{listed} lists them"


if __name__ == "__main__":
    sys.exit(main())
