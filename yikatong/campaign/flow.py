"""One bank's plan as a minimum-cost flow, solved to proven optimality.

People flow from their cohort to a place, from there to a week not before they became eligible, through the place's limit of that
week and the bank's production of that week. A unit of cost is a metre. Only the nearest places are in the network at first; after
each solution the dual prices tell which other places could help, and those are added until none could: the plan is then optimal
over all places, and the bound that proves it is computed apart from the flow.

Banks do not share people, places or production, so that a campaign is as many such flows as there are banks.
"""

from dataclasses import dataclass

import numpy as np
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from yikatong.campaign.problem import Ints, Problem, Way, distances_m

NEAREST_AT_FIRST = 6
ADDED_AT_ONCE = 2
_UNBOUNDED = 2**40
_NEVER = np.iinfo(np.int64).max // 4


class FlowFailed(RuntimeError):
    """The solver did not solve; this is a fault of the program."""


@dataclass(frozen=True, slots=True)
class BankPlan:
    """One bank's part; cohorts and places are rows of the whole problem's.

    ``way_*``: how many of a cohort go to a place. ``slot_*``: how many of those at a place who became eligible in week
    ``slot_start`` come in a week; who of them comes when is drawn person by person (``persons``). ``unplaced``: people per
    cohort, all cohorts of the problem, for whom there is no room. ``cost_m``, ``bound_m``: the plan's cost, and what no plan
    can be under. ``place_price_m``: what room for one more person at a place in a week would save, places × weeks;
    ``production_price_m``: what one more card would, per week.
    """

    bank: int
    way_cohort: Ints
    way_place: Ints
    way_people: Ints
    slot_place: Ints
    slot_start: Ints
    slot_week: Ints
    slot_people: Ints
    unplaced: Ints
    cost_m: int
    bound_m: int
    place_price_m: Ints
    production_price_m: Ints


type _Part = tuple[Ints, Ints, Ints, Ints]
"""Arcs: tail, head, capacity, cost."""


@dataclass(frozen=True, slots=True)
class _Arcs:
    tail: Ints
    head: Ints
    capacity: Ints
    cost: Ints


class _Network:
    """One bank's nodes and arcs. Nodes: cohorts, doors (place, first week), rooms (place, week), weeks of production, the end."""

    def __init__(self, problem: Problem, bank: int) -> None:
        cohorts, places = problem.cohorts, problem.places
        self.problem, self.bank = problem, bank
        self.rows = cohorts.of_bank(bank)
        self.place_rows = np.flatnonzero(places.bank == bank)
        self.weeks = problem.weeks
        self.starts = np.unique(cohorts.eligible_week[self.rows])
        self.start_of = np.searchsorted(self.starts, cohorts.eligible_week[self.rows])
        self.supply = cohorts.people[self.rows]
        count, place_count = len(self.rows), len(self.place_rows)
        self.door = count
        self.room = self.door + place_count * len(self.starts)
        self.press = self.room + place_count * self.weeks
        self.end = self.press + self.weeks
        self.cost_to = self._costs()
        self.fixed = self._fixed()

    def _costs(self) -> Ints:
        """What a way costs, cohorts × places of this bank; ``_NEVER`` where the place is none for them."""
        problem = self.problem
        cohorts, places = problem.cohorts, problem.places
        community = cohorts.community[self.rows]
        used, inverse = np.unique(community, return_inverse=True)
        metres = distances_m(problem.community_position[used], places.position[self.place_rows])[inverse]
        way = places.way[self.place_rows]
        area = places.area[self.place_rows]
        metres[:, way != Way.OUTLET] = 0
        is_wrong = cohorts.way[self.rows][:, None] != way[None, :]
        is_wrong |= (area[None, :] >= 0) & (problem.community_area[community][:, None] != area[None, :])
        metres[is_wrong] = _NEVER
        return metres

    def _fixed(self) -> list[_Part]:
        """Everything but the ways from cohorts to places."""
        problem, weeks = self.problem, self.weeks
        place_count, start_count = len(self.place_rows), len(self.starts)
        arcs: list[_Part] = []
        rows = np.arange(len(self.rows), dtype=np.int64)
        arcs.append((rows, np.full_like(rows, self.end), self.supply, np.full_like(rows, problem.weights.unplaced_m)))
        place, start, week = (
            part.ravel()
            for part in np.meshgrid(np.arange(place_count), np.arange(start_count), np.arange(weeks), indexing="ij")
        )
        waits = week - self.starts[start] if start_count else week
        is_later = waits >= 0
        place, start, week, waits = place[is_later], start[is_later], week[is_later], waits[is_later]
        arcs.append(
            (
                self.door + place * start_count + start,
                self.room + place * weeks + week,
                np.full(len(place), _UNBOUNDED, np.int64),
                waits * problem.weights.week_m,
            )
        )
        place, week = (part.ravel() for part in np.meshgrid(np.arange(place_count), np.arange(weeks), indexing="ij"))
        calm = problem.calm()[self.place_rows].ravel()
        busy = problem.places.capacity[self.place_rows].ravel() - calm
        for capacity, cost_m in ((calm, 0), (busy, problem.weights.busy_m)):
            arcs.append(
                (
                    self.room + place * weeks + week,
                    self.press + week,
                    capacity,
                    np.full(len(place), cost_m, np.int64),
                )
            )
        week = np.arange(weeks, dtype=np.int64)
        arcs.append(
            (
                self.press + week,
                np.full(weeks, self.end, np.int64),
                problem.production[self.bank],
                np.zeros(weeks, np.int64),
            )
        )
        return arcs

    def ways(self, cohort: Ints, place: Ints) -> _Part:
        """Arcs from cohorts to places (rows of this bank's)."""
        door = self.door + place * len(self.starts) + self.start_of[cohort]
        return cohort, door, self.supply[cohort], self.cost_to[cohort, place]


def plan_bank(problem: Problem, bank: int) -> BankPlan:
    """The best plan for one bank's people. Raises ``FlowFailed``."""
    network = _Network(problem, bank)
    cohort, place = _nearest(network)
    while True:
        parts = [network.ways(cohort, place), *network.fixed]
        arcs = _Arcs(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        flow = _solved(network, arcs)
        height = _potentials(network, arcs, flow)
        more_cohort, more_place = _helpful(network, height, cohort, place)
        if not len(more_cohort):
            return _plan(network, arcs, flow, height, cohort, place)
        cohort, place = np.concatenate([cohort, more_cohort]), np.concatenate([place, more_place])


def _nearest(network: _Network) -> tuple[Ints, Ints]:
    """Each cohort with its nearest places."""
    costs = network.cost_to
    count = min(NEAREST_AT_FIRST, costs.shape[1])
    if not count or not len(costs):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    nearest = np.argpartition(costs, count - 1, axis=1)[:, :count]
    cohort = np.repeat(np.arange(len(costs), dtype=np.int64), count)
    place = nearest.ravel().astype(np.int64)
    is_open = costs[cohort, place] < _NEVER
    return cohort[is_open], place[is_open]


def _solved(network: _Network, arcs: _Arcs) -> Ints:
    """The flow on each arc."""
    solver = SimpleMinCostFlow()
    solver.add_arcs_with_capacity_and_unit_cost(arcs.tail, arcs.head, arcs.capacity, arcs.cost)
    nodes = np.arange(network.end + 1, dtype=np.int64)
    supplies = np.zeros(len(nodes), np.int64)
    supplies[: len(network.rows)] = network.supply
    supplies[network.end] = -network.supply.sum()
    solver.set_nodes_supplies(nodes, supplies)
    status = solver.solve()
    if status != SimpleMinCostFlow.OPTIMAL:
        raise FlowFailed(f"the flow of bank {network.bank} was not solved: status {status}")
    flow: Ints = solver.flows(np.arange(len(arcs.tail), dtype=np.int64)).astype(np.int64)
    return flow


def _potentials(network: _Network, arcs: _Arcs, flow: Ints) -> Ints:
    """For each node the cheapest way to it through what the flow leaves free, from anywhere: no residual arc is then shorter.

    Raises ``FlowFailed`` when that does not come to an end, which would mean that the flow was not the best.
    """
    has_room, has_flow = flow < arcs.capacity, flow > 0
    tail = np.concatenate([arcs.tail[has_room], arcs.head[has_flow]])
    head = np.concatenate([arcs.head[has_room], arcs.tail[has_flow]])
    cost = np.concatenate([arcs.cost[has_room], -arcs.cost[has_flow]])
    order = np.argsort(head, kind="stable")
    tail, head, cost = tail[order], head[order], cost[order]
    first = np.flatnonzero(np.r_[True, head[1:] != head[:-1]]) if len(head) else np.empty(0, np.int64)
    reached = head[first]
    height = np.zeros(network.end + 1, np.int64)
    for _ in range(network.end + 2):
        best = np.minimum.reduceat(height[tail] + cost, first) if len(first) else np.empty(0, np.int64)
        is_lower = best < height[reached]
        if not is_lower.any():
            return height
        height[reached[is_lower]] = best[is_lower]
    raise FlowFailed(f"the flow of bank {network.bank} can still be made cheaper")


def _helpful(network: _Network, height: Ints, cohort: Ints, place: Ints) -> tuple[Ints, Ints]:
    """Ways that are not in the network and might make the plan cheaper: for each cohort the best few."""
    costs = network.cost_to
    if not costs.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    doors = network.door + np.arange(costs.shape[1])[None, :] * len(network.starts) + network.start_of[:, None]
    reduced = costs + height[: len(network.rows)][:, None] - height[doors]
    reduced[cohort, place] = 0
    reduced[costs >= _NEVER] = 0
    count = min(ADDED_AT_ONCE, costs.shape[1])
    best = np.argpartition(reduced, count - 1, axis=1)[:, :count]
    rows = np.repeat(np.arange(len(costs), dtype=np.int64), count)
    chosen = best.ravel().astype(np.int64)
    is_helpful = reduced[rows, chosen] < 0
    return rows[is_helpful], chosen[is_helpful]


def _plan(network: _Network, arcs: _Arcs, flow: Ints, height: Ints, cohort: Ints, place: Ints) -> BankPlan:
    """The solution read off the arcs: ways first, then leaving out, doors to rooms, rooms, production."""
    ways, count, weeks = len(cohort), len(network.rows), network.weeks
    place_count, start_count = len(network.place_rows), len(network.starts)
    way_flow = flow[:ways]
    unplaced = np.zeros(len(network.problem.cohorts), np.int64)
    unplaced[network.rows] = flow[ways : ways + count]
    last_room = len(flow) - weeks
    busy_arcs = slice(last_room - place_count * weeks, last_room)
    first_room = busy_arcs.start - place_count * weeks
    slots = ways + count + np.flatnonzero(flow[ways + count : first_room])
    door, room = arcs.tail[slots] - network.door, arcs.head[slots] - network.room
    saved = np.maximum(height[arcs.head] - height[arcs.tail] - arcs.cost, 0)
    prices = np.zeros((len(network.problem.places), weeks), np.int64)
    prices[network.place_rows] = saved[busy_arcs].reshape(place_count, weeks)
    bound = (height[network.end] - height[:count]) @ network.supply - saved @ arcs.capacity
    used = way_flow > 0
    return BankPlan(
        bank=network.bank,
        way_cohort=network.rows[cohort[used]],
        way_place=network.place_rows[place[used]],
        way_people=way_flow[used],
        slot_place=network.place_rows[room // weeks],
        slot_start=network.starts[door % start_count] if start_count else door,
        slot_week=room % weeks,
        slot_people=flow[slots],
        unplaced=unplaced,
        cost_m=int(flow @ arcs.cost),
        bound_m=int(bound),
        place_price_m=prices,
        production_price_m=saved[last_room:],
    )
