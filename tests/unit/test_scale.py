"""The axis keeps the margin visible, whatever one benchmark does."""

import math

import pytest
from duet.report.scale import Scale, log_ratio, scale_of


@pytest.mark.parametrize(
    "changes",
    [
        [250.0],
        [0.1, 250.0],
        [250.0, 120.0, 0.5, -0.3, 90.0],
        [-99.9, 0.0],
        [1e6, 2.0, 1.0],
        [0.01],
        [],
        [math.nan],
    ],
)
def test_the_margin_is_a_fortieth_of_either_half_at_least(changes):
    scale = scale_of(changes, [], 2.0)
    assert 1.5 * log_ratio(2.0) <= scale.limit <= 43 * log_ratio(2.0)


def test_one_far_change_is_clipped_and_the_others_keep_their_room():
    near = [0.5, -1.0, 2.0, 3.0, -2.5, 1.0, 0.2, -0.4]
    scale = scale_of([*near, 250.0], [], 2.0)
    assert scale.clipped and scale.beyond(250.0) and not any(map(scale.beyond, near))
    assert scale.limit < 4 * log_ratio(3.0)
    assert not scale_of(near, [], 2.0).clipped


def test_where_most_changes_are_large_they_are_seen():
    changes = (60.0, 70.0, 80.0)
    assert not any(map(scale_of(changes, [], 2.0).beyond, changes))


def test_half_and_twice_are_equally_far():
    scale = Scale(1.0, False)
    assert scale.place(100.0) - 0.5 == pytest.approx(0.5 - scale.place(-50.0))
    assert (scale.place(0.0), scale.place(1e9), scale.place(-100.0)) == (0.5, 1.0, 0.0)


@pytest.mark.parametrize("limit", [0.005, 0.03, 0.2, 0.5, 1.2, 3.0])
def test_ticks_lie_on_the_axis_both_ways(limit):
    scale = Scale(limit, False)
    ticks = scale.ticks()
    assert 3 <= len(ticks) <= 5 and 0.0 in ticks and ticks[0] < 0 < ticks[-1]
    assert not any(map(scale.beyond, ticks))
