"""`dphm bench stream`: what live streams cost."""

from __future__ import annotations

from dataclasses import dataclass

from dphm_core.commands.base import OK, Command, Say


@dataclass(frozen=True, kw_only=True)
class BenchStream(Command):
    """Time live streams to this computer: the tracking thread's part, the stream's own, and a frame's way."""

    repeats: int = 300
    """Frames per kind of stream."""

    def run(self, say: Say) -> int:
        """Print a table."""
        from dphm_core.streaming.benchmark import stream_benchmark

        say(f"{'per frame':26}{'bytes':>9}{'tracking thread':>18}{'own thread':>13}{'latency':>11}{'95 %':>10}")
        for cost in stream_benchmark(self.repeats):
            own, (median, late) = cost.encode_us, cost.latency_ms
            times = f"{cost.hand_over_us:>15.1f} µs{own:>10.0f} µs{median:>8.2f} ms{late:>7.2f} ms"
            say(f"{cost.kind:26}{cost.bytes:>9}{times}")
        return OK
