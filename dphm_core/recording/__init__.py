"""Recording a running source to disk, and turning recordings into folders of images."""

from __future__ import annotations

from dphm_core.recording.recorder import RecorderLimits, StackRecorder
from dphm_core.sources.recording_status import RecordingStatus, SpaceLimit

__all__ = ["RecorderLimits", "RecordingStatus", "SpaceLimit", "StackRecorder"]
