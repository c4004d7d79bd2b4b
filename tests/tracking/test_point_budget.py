"""Points are taken as the time of a frame allows, on a clock that the test sets."""

from __future__ import annotations

import pytest

from dphm_core.tracking.point_budget import LEAST, SHARE, PointBudget

MOST = 1500
FRAME_S = 1 / 30


class Machine:
    """Takes a fixed time for a fit, and a time for each of its points."""

    def __init__(self, fixed_s: float, point_s: float) -> None:
        self.now_s, self.fixed_s, self.point_s = 5.0, fixed_s, point_s

    def clock(self) -> float:
        return self.now_s

    def fits(self, budget: PointBudget, count: int) -> list[int]:
        taken = []
        for _ in range(count):
            taken.append(budget.begin())
            self.now_s += self.fixed_s + taken[-1] * self.point_s
            budget.end(taken[-1])
        return taken


@pytest.mark.parametrize(("fixed_s", "point_s"), [(0.005, 20e-6), (0.0, 30e-6), (0.012, 15e-6)])
def test_a_slow_machine_comes_to_as_many_points_as_fit_into_a_frame(fixed_s: float, point_s: float) -> None:
    machine = Machine(fixed_s, point_s)
    taken = machine.fits(PointBudget(MOST, FRAME_S, machine.clock), 80)
    assert taken[0] == MOST
    assert fixed_s + taken[-1] * point_s == pytest.approx(SHARE * FRAME_S, rel=0.02)


def test_a_fast_machine_takes_all_points_and_a_hopeless_one_the_fewest() -> None:
    for point_s, expected in ((5e-6, MOST), (1e-3, LEAST)):
        machine = Machine(0.0, point_s)
        assert set(machine.fits(PointBudget(MOST, FRAME_S, machine.clock), 20)[1:]) == {expected}


def test_points_come_back_when_the_machine_is_free_again() -> None:
    machine = Machine(0.0, 40e-6)
    budget = PointBudget(MOST, FRAME_S, machine.clock)
    assert machine.fits(budget, 30)[-1] < 700
    machine.point_s = 10e-6
    assert machine.fits(budget, 30)[-1] == MOST


def test_without_a_frame_time_nothing_depends_on_the_clock() -> None:
    machine = Machine(1.0, 1.0)
    assert set(machine.fits(PointBudget(MOST, 0.0, machine.clock), 5)) == {MOST}


def test_fewer_points_than_the_least_are_left_as_they_are() -> None:
    machine = Machine(0.0, 1.0)
    assert set(machine.fits(PointBudget(100, FRAME_S, machine.clock), 5)) == {100}


def test_a_frame_of_many_steps_gets_fewer_points_and_the_next_of_few_has_them_back() -> None:
    machine = Machine(0.0, 0.0)
    budget = PointBudget(MOST, FRAME_S, machine.clock)
    taken = []
    for steps in [2] * 20 + [4] * 5 + [2] * 5:
        taken.append(budget.begin())
        machine.now_s += steps * 8e-6 * taken[-1]  # two steps of all points fill what a fit has
        budget.end(taken[-1], steps)
    assert taken[:20] == [MOST] * 20 and taken[26:] == [MOST] * 4
    assert max(taken[21:25]) * 4 * 8e-6 == pytest.approx(SHARE * FRAME_S, rel=0.02)
