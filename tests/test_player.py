"""The player's clock and commands, asked as the reading thread asks: turn by turn."""

from __future__ import annotations

import threading
from math import inf
from time import monotonic

import pytest

from dphm_core.player import Loop, Pace, Player


def play_through(player: Player, length: int, turns: int) -> list[int]:
    """Indices that a source of this length is read at, in so many turns."""
    read, position = [], 0
    for _ in range(turns):
        if not (player.playing or player._steps):
            break
        turn = player.next_turn()
        assert turn is not None
        position = position if turn.seek_to is None else turn.seek_to
        if position >= length:
            player.end()
            continue
        read.append(position)
        player.passed(position)
        position += 1
    return read


def test_without_a_loop_a_source_is_played_once() -> None:
    player = Player(30, Pace.FASTEST)
    assert play_through(player, 3, 9) == [0, 1, 2]
    assert player.ended
    assert not player.playing


def test_a_selection_is_played_again_and_again() -> None:
    player = Player(30, Pace.FASTEST)
    player.set_loop(2, 4, on=True)
    assert player.loop == Loop(2, 4)
    assert play_through(player, 9, 9) == [0, 1, 2, 3, 4, 2, 3, 4, 2]
    assert player.playing


def test_all_of_it_can_be_a_loop_and_a_loop_be_ended() -> None:
    player = Player(30, Pace.FASTEST)
    player.set_loop(0, 2, on=True)
    assert play_through(player, 3, 7) == [0, 1, 2, 0, 1, 2, 0]
    player.set_loop(0, 2, on=False)
    assert player.loop is None
    assert play_through(player, 3, 9) == [0, 1, 2]
    assert player.ended


def test_where_frames_are_missing_at_the_end_the_loop_goes_on_all_the_same() -> None:
    player = Player(30, Pace.FASTEST)
    player.set_loop(1, 9, on=True)  # the last frame of a recording may be damaged
    assert play_through(player, 3, 8) == [0, 1, 2, 1, 2, 1]


def test_a_loop_without_a_frame_ends() -> None:
    player = Player(30, Pace.FASTEST)
    player.set_loop(5, 9, on=True)
    assert play_through(player, 3, 50) == [0, 1, 2]
    assert player.ended


def test_what_ended_begins_again_with_the_loop() -> None:
    player = Player(30, Pace.FASTEST)
    play_through(player, 4, 9)
    player.set_loop(2, 3, on=True)
    player.play()
    turn = player.next_turn()
    assert turn is not None
    assert turn.seek_to == 2


def test_playing_at_the_last_frame_begins_again() -> None:
    player = Player(30, Pace.FASTEST)
    play_through(player, 4, 9)
    player.seek(3)  # and it has not ended any more
    assert play_through(player, 4, 9) == [3]
    player.play()
    turn = player.next_turn()
    assert turn is not None and turn.seek_to is None
    player.end()  # nothing comes after it
    assert player.playing and not player.ended
    assert play_through(player, 4, 9) == [0, 1, 2, 3]
    assert player.ended and not player.playing


def test_playing_ends_where_a_damaged_last_frame_is_sought_at_once() -> None:
    player = Player(30, Pace.FASTEST)
    play_through(player, 4, 9)
    player.seek(2)
    assert play_through(player, 4, 9) == [2]
    player.play()
    player.seek(3)
    assert play_through(player, 3, 9) == []  # the source has ended there, and nobody asked for its start
    assert player.ended and not player.playing


def test_beyond_the_selection_playing_goes_back_and_stepping_goes_on() -> None:
    player = Player(30, Pace.FASTEST)
    player.set_loop(1, 3, on=True)
    player.seek(7)
    assert play_through(player, 9, 3) == [7, 1, 2]
    player.seek(3)
    player.step(2)
    assert play_through(player, 9, 9) == [3, 4, 5]


def test_a_seek_of_the_user_comes_before_the_loop() -> None:
    player = Player(30, Pace.FASTEST)
    player.set_loop(1, 3, on=True)
    player.next_turn()
    player.seek(5)
    player.passed(3)
    turn = player.next_turn()
    assert turn is not None
    assert turn.seek_to == 5


@pytest.mark.parametrize(("asked", "set_to"), [(0.0, 0.1), (0.25, 0.25), (4, 4), (99, 8), (inf, inf)])
def test_the_speed_stays_within_limits(asked: float, set_to: float) -> None:
    player = Player(30, Pace.SOURCE)
    player.speed = asked
    assert player.speed == set_to


def test_a_new_speed_counts_for_the_frame_that_is_waited_for() -> None:
    player = Player(fps=0.02, pace=Pace.SOURCE)
    player.next_turn()  # the next one is due in fifty seconds
    started = monotonic()
    threading.Timer(0.05, lambda: setattr(player, "speed", inf)).start()
    player.next_turn()
    assert 0.03 < monotonic() - started < 20


def test_as_fast_as_possible_waits_for_nothing_and_pauses() -> None:
    player = Player(fps=0.02, pace=Pace.SOURCE, speed=inf)
    started = monotonic()
    assert play_through(player, 100, 50) == list(range(50))
    assert monotonic() - started < 20
    player.pause()
    assert play_through(player, 100, 50) == []


def step_back(player: Player, frames: list[int], count: int = -1) -> list[int]:
    """What a source of these frames reads after a step back, until the player rests."""
    player.step(count)
    read = []
    while player._steps:
        turn = player.next_turn()
        assert turn is not None and turn.seek_to is not None
        read.append(next(index for index in frames if index >= turn.seek_to))
        player.passed(read[-1])
    return read


def test_stepping_back_passes_over_missing_frames() -> None:
    player, frames = Player(30, Pace.STEPPED), [1, 2, 5, 6]
    player.seek(6)
    assert step_back(player, frames, count=0) == [6]
    assert [step_back(player, frames)[-1] for _ in range(5)] == [5, 2, 1, 1, 1]
    assert not player.playing and not player.ended


def test_stepping_back_by_several_frames_and_from_the_end() -> None:
    player, frames = Player(30, Pace.FASTEST), list(range(9))
    assert play_through(player, 9, 10) == frames and player.ended
    assert step_back(player, frames, -3) == [5]
    assert step_back(player, frames, -99) == [0]


def test_steps_back_add_up_while_a_frame_is_being_read() -> None:
    player = Player(30, Pace.STEPPED)
    player.seek(8)
    assert player.next_turn() is not None
    player.step(-1)
    player.step(-1)  # before the turn that the first one asked for
    turn = player.next_turn()
    assert turn is not None and turn.seek_to == 6
    player.step(-1)  # while it is being read
    player.passed(6)
    turn = player.next_turn()
    assert turn is not None and turn.seek_to == 5
    player.passed(5)
    player.step()
    turn = player.next_turn()
    assert turn is not None and turn.seek_to is None
