"""The errors that a user can meet: each message says what was wrong, with what, and what to do."""


class DphmError(Exception):
    """Base of every error that this library raises on purpose."""


class SourceError(DphmError):
    """A recording or camera cannot be opened or read."""


class NoCameraError(SourceError):
    """No camera is plugged in."""


class Cancelled(DphmError):  # noqa: N818 (not an error of anybody's)
    """The work was given up on request."""


class LandmarkError(DphmError):
    """The landmark detector cannot be started (its model file is missing or wrong)."""


class CheckpointError(DphmError):
    """A head model folder is missing, of the wrong kind, or damaged."""


class CalibrationError(DphmError):
    """No head could be found or its identity could not be worked out."""


class OutputError(DphmError):
    """Results cannot be written where the user asked for them."""


class SettingError(DphmError):
    """A setting lies outside of what makes sense."""


class DataError(DphmError):
    """Data for training, synthesis or evaluation is missing or malformed."""


class TrainingError(DphmError):
    """A training cannot go on."""


def first_line(error: BaseException) -> str:
    """What another library's error complains about, short enough for a message of ours; its kind where it is silent."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
