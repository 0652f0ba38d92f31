"""Who gets which cores, on machines nobody owns."""

from dataclasses import replace

import pytest
from duet.measure.cores import Assignment, HostError, Machine, assign, parse_mode, parse_set, show_set, split
from hypothesis import given
from hypothesis import strategies as st


def machine(cores, *groups, **facts):
    """A machine whose physical cores have these hardware threads."""
    siblings = {core: frozenset(group) for group in groups for core in group}
    return Machine(frozenset(cores), frozenset(cores), siblings, **facts)


def threaded(n):
    """n physical cores with two threads each, numbered as Intel does: i and i + n."""
    return machine(range(2 * n), *[(i, i + n) for i in range(n)])


def places(*groups):
    """Cores to the number of the group they are in."""
    return {core: number for number, group in enumerate(groups) for core in group}


@pytest.mark.parametrize(
    "m, halves",
    [
        (machine([0, 1]), ({0}, {1})),
        (machine(range(4)), ({0, 1}, {2, 3})),
        (machine([0, 1, 2]), ({0}, {1})),  # an odd one is left to the rest of the machine
        (machine([3, 5, 9, 11]), ({3, 5}, {9, 11})),
        (threaded(2), ({0, 2}, {1, 3})),
        (threaded(3), ({0, 3}, {1, 4})),
        (threaded(1), (set(), set())),
        (machine([7]), (set(), set())),
        # Two fast cores with two threads, four slow ones with one: as many of each kind for both.
        (machine(range(8), (0, 1), (2, 3)), ({0, 1, 4, 5}, {2, 3, 6, 7})),
    ],
)
def test_halves(m, halves):
    assert split(m) == halves


@pytest.mark.parametrize(
    "what, m, halves",
    [
        (
            "two sockets: half of each, not one each",
            machine(range(8), nodes=places(range(4), range(4, 8))),
            ({0, 1, 4, 5}, {2, 3, 6, 7}),
        ),
        (
            "Ryzen 3600: two L3 groups of three cores, one of each stays free",
            machine(
                range(12),
                *[(i, i + 6) for i in range(6)],
                caches=places((0, 1, 2, 6, 7, 8), (3, 4, 5, 9, 10, 11)),
            ),
            ({0, 6, 3, 9}, {1, 7, 4, 10}),
        ),
        (
            "EPYC: two nodes, two L3 groups in each",
            machine(
                range(16),
                nodes=places(range(8), range(8, 16)),
                caches=places(*[range(i, i + 4) for i in range(0, 16, 4)]),
            ),
            ({0, 1, 4, 5, 8, 9, 12, 13}, {2, 3, 6, 7, 10, 11, 14, 15}),
        ),
        (
            "Intel hybrid: favoured performance cores are of the same kind as the others",
            machine(
                range(12),
                *[(0, 1), (2, 3), (4, 5), (6, 7)],
                capacities=dict.fromkeys((0, 1, 2, 3), 1024)
                | dict.fromkeys((4, 5, 6, 7), 989)
                | dict.fromkeys(range(8, 12), 676),
            ),
            ({0, 1, 2, 3, 8, 9}, {4, 5, 6, 7, 10, 11}),
        ),
        (
            "big, middle, little: the only big one stays free",
            machine(
                range(8),
                capacities=dict.fromkeys(range(4), 250) | dict.fromkeys((4, 5), 870) | {6: 850, 7: 1024},
            ),
            ({0, 1, 4}, {2, 3, 5}),
        ),
        (
            "a VM that shows each core as a socket with a cache and a node of its own",
            machine(
                range(4), nodes=places(*[(i,) for i in range(4)]), caches=places(*[(i,) for i in range(4)])
            ),
            ({0, 1}, {2, 3}),
        ),
        (
            "one L3 each, one node: caches are not looked at, the node is",
            machine(range(2), nodes=places((0, 1)), caches=places((0,), (1,))),
            ({0}, {1}),
        ),
        ("two cores of different kinds", machine(range(2), capacities={0: 1024, 1: 400}), (set(), set())),
        (
            "bound to five cores, one of them on the other node",
            machine((0, 1, 2, 3, 9), nodes=places(range(8), range(8, 16))),
            ({0, 1}, {2, 3}),
        ),
    ],
)
def test_halves_are_alike(what, m, halves):
    assert split(m) == halves, what


def test_a_thread_whose_sibling_is_not_ours_counts_alone():
    assert split(replace(threaded(2), allowed=frozenset({0, 1}))) == ({0}, {1})


@given(st.sets(st.integers(0, 63)), st.sampled_from([1, 2, 4]))
def test_halves_are_disjoint_equal_and_keep_siblings_together(cores, threads):
    siblings = {c: frozenset(range(c - c % threads, c - c % threads + threads)) for c in range(64)}
    one, two = split(Machine(frozenset(cores), frozenset(cores), siblings))
    assert not one & two and one | two <= cores and len(one) == len(two)
    for core in one:
        assert siblings[core] & cores <= one
    physical = {siblings[c] & cores for c in cores}
    unused = {group for group in physical if not group & (one | two)}
    assert len(unused) == len({len(group) for group in unused})  # at most one of each kind


@given(
    st.sets(st.integers(0, 31), min_size=1),
    *[st.lists(st.integers(0, n), min_size=32, max_size=32) for n in (2, 5, 2)],
)
def test_each_half_has_as_many_of_each_kind_everywhere(cores, nodes, caches, kinds):
    capacities = {core: (100, 400, 1024)[kind] for core, kind in enumerate(kinds)}
    # A cache is of one node.
    caches = {core: (nodes[core], cache) for core, cache in enumerate(caches)}
    m = machine(cores, nodes=dict(enumerate(nodes)), caches=caches, capacities=capacities)
    one, two = split(m)

    def count(half, *facts):
        return sorted(tuple(fact[core] for fact in facts) for core in half)

    assert count(one, capacities) == count(two, capacities)
    fine = [(m.nodes, m.caches, m.capacities), (m.nodes, m.capacities)]
    alike = [len(cores) - len({tuple(f[c] for f in facts) for c in cores}) > 0 for facts in fine]
    for facts, possible in zip(fine, alike, strict=True):
        if possible:
            assert count(one, *facts) == count(two, *facts) and one


BOTH = {"A": True, "B": True}


def cpus(wishes, m, swapped=False, bindable=BOTH):
    return dict(assign(wishes, m, swapped, bindable).cpus)


def test_halves_swap_between_sides():
    for mode in ("split", "exchange"):
        wishes = {"A": mode, "B": mode}
        assert cpus(wishes, machine([0, 1])) == {"A": "0", "B": "1"}
        assert cpus(wishes, machine([0, 1]), True) == {"A": "1", "B": "0"}


def test_a_side_alone_gets_one_half_too():
    for mode in ("split", "exchange"):
        assert cpus({"B": mode}, machine(range(4))) == {"B": "2-3"}
        assert cpus({"B": mode}, machine(range(4)), True) == {"B": "0-1"}


def test_exchange_says_between_which_sets_and_what_is_spare():
    wishes = {"A": "exchange", "B": "exchange"}
    assert assign(wishes, machine(range(5)), True, BOTH) == Assignment(
        {"A": "2-3", "B": "0-1"}, ("0-1", "2-3"), spare=frozenset({4})
    )
    wishes = {"A": "exchange 30ms", "B": "exchange 30ms"}
    assert assign(wishes, machine(range(2)), False, BOTH).period_s == 0.03
    assert assign({"B": "exchange"}, machine(range(2)), False, BOTH).sets == ("0", "1")


@pytest.mark.parametrize(
    "wish, mode",
    [
        ("exchange", ("exchange", None)),
        ("exchange 2s", ("exchange", 2.0)),
        ("exchange 7ms", ("exchange", 0.007)),
        ("split", ("split", None)),
        ("shared", ("shared", None)),
        ("0-3", ("set", None)),
        ("exchange 0ms", ("set", None)),
    ],
)
def test_modes(wish, mode):
    assert parse_mode(wish) == mode


@pytest.mark.parametrize(
    "m, bindable, reason",
    [
        (machine([0]), BOTH, "there is only one core"),
        (threaded(1), BOTH, "there is only one physical core"),
        (machine([0, 1], capacities={0: 1024, 1: 400}), BOTH, "no two physical cores are of one kind"),
        (
            machine([0, 1]),
            {"A": True, "B": False},
            "side B is not bound to cores: its engine does not support that",
        ),
    ],
)
def test_why_there_is_no_exchange(m, bindable, reason):
    assignment = assign({"A": "exchange", "B": "exchange"}, m, False, bindable)
    assert (
        assignment.sets is None
        and assignment.reason == reason
        and any(reason in w for w in assignment.warnings)
    )
    assert assign({"A": "split", "B": "split"}, m, False, bindable).reason == ""


def test_a_side_that_opts_out_is_not_exchanged():
    assignment = assign({"A": "exchange", "B": "split"}, machine([0, 1]), False, BOTH)
    assert assignment.sets is None and dict(assignment.cpus) == {"A": "0", "B": "1"}


def test_shared_is_unbound_unless_we_are_bound_ourselves():
    free = machine(range(4))
    assert cpus({"A": "shared"}, free) == {"A": None}
    bound = Machine(free.online, frozenset({1, 2}))
    assert cpus({"A": "shared"}, bound) == {"A": "1-2"}
    assert cpus({"A": "split", "B": "split"}, bound) == {"A": "1", "B": "2"}


def test_one_core_is_shared_with_a_warning():
    assignment = assign({"A": "split", "B": "split"}, machine([0]), False, BOTH)
    assert assignment.cpus == {"A": None, "B": None}
    assert len(assignment.warnings) == 2 and "only one core" in assignment.warnings[0]


def test_an_engine_that_cannot_bind_warns():
    assignment = assign({"A": "split", "B": "shared"}, machine([0, 1]), False, {"A": False, "B": False})
    assert assignment.cpus == {"A": None, "B": None}
    assert len(assignment.warnings) == 1 and "side A" in assignment.warnings[0]


def test_explicit_sets():
    assert cpus({"A": "0,1-2", "B": "3"}, machine(range(4)), True) == {"A": "0-2", "B": "3"}
    for wrong in ("4", "0-9", "x", "", "3-1", "-1", "0,,1", "exchange 0ms", "exchange fast"):
        with pytest.raises(HostError, match="cpus"):
            assign({"A": wrong}, machine(range(4)), False, BOTH)


def test_cores_apart():
    assert Assignment({"A": "0-1", "B": "2"}).apart and Assignment({"B": "3"}).apart
    assert not Assignment({"A": "0-1", "B": "1-2"}).apart
    assert not Assignment({"A": "0", "B": None}).apart and not Assignment({"A": None, "B": None}).apart


@given(st.sets(st.integers(0, 300), min_size=1))
def test_sets_are_shown_as_the_kernel_does_and_read_back(cores):
    assert parse_set(show_set(cores)) == cores
