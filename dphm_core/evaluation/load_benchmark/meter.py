"""What a process and the rest of the machine take."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter, process_time


def all_process_time() -> float:
    """Processor seconds of all programs since the machine was started."""
    import psutil

    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "nice", 0.0))


def resident_mb() -> float:
    """Memory that this process has in use now, MiB."""
    import psutil

    return float(psutil.Process().memory_info().rss) / 2**20


@dataclass
class Meter:
    """Looks at this process while it works, from when it is made."""

    mark_s: float
    """After how many seconds the memory is looked at."""
    started_s: float = field(default_factory=perf_counter)
    """When it was made, by `perf_counter`."""
    cpu_s: float = field(default_factory=process_time)
    """Processor seconds of this process by then."""
    all_cpu_s: float = field(default_factory=all_process_time)
    """Processor seconds of all programs by then."""
    marked_mb: float = 0.0
    """Resident memory at the mark, MiB; 0 before it."""

    @property
    def seconds(self) -> float:
        """Since the start."""
        return perf_counter() - self.started_s

    @property
    def cores(self) -> float:
        """How many cores were busy on average since the start."""
        return (process_time() - self.cpu_s) / self.seconds

    @property
    def other_cores(self) -> float:
        """How many cores were busy with other programs on average since the start."""
        return max(0.0, (all_process_time() - self.all_cpu_s) / self.seconds - self.cores)

    def look(self) -> None:
        """Take the memory when the mark has been reached."""
        if not self.marked_mb and self.seconds >= self.mark_s:
            self.marked_mb = resident_mb()
