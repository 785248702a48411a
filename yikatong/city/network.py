"""The metro as a graph of real track distances, and the shortest way between two stations.

Django-free: terminals and pure rules use it too. The fare follows the shortest way, whichever way was ridden. A way does
not leave the fare network that serves both its ends: nobody from 东直门 to 三元桥 is charged for the airport line
because its track is shorter. Transfers on foot that need an exit and a new entry are no way: they make two journeys.
Source: distances from Beijing-Subway-Tools (metro_line_stations.csv); which lines are priced as one: metro_fares.toml.
"""

import csv
import difflib
import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from yikatong.city.folder import CITY_DATA, open_folder
from yikatong.city.tariffs import load_metro_tariff
from yikatong.foundation.errors import YikatongError


class StationUnknown(YikatongError):
    """No such station in this city's metro."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of track to a neighbouring station."""

    to_station: str
    line: str
    distance_m: int


@dataclass(frozen=True, slots=True)
class Way:
    """The shortest way between two stations: metres on each line, in the order of travel."""

    distance_m: int
    by_line_m: tuple[tuple[str, int], ...]


class Network:
    """Stations and the track between them. ``fare_networks``: lines priced together, the main network first."""

    def __init__(
        self, neighbours: Mapping[str, list[Segment]], fare_networks: tuple[frozenset[str], ...] | None = None
    ) -> None:
        self._neighbours = neighbours
        self._fare_networks = fare_networks or ()
        self._ways: dict[tuple[str, str], Way] = {}

    @classmethod
    def load(cls, data: Path = CITY_DATA) -> "Network":
        """Read lines, stations and fare networks from a city's data folder."""
        folder = open_folder(data)
        with folder.path("metro_lines").open(encoding="utf-8", newline="") as file:
            is_loop = {row["line"]: row["is_loop"] == "1" for row in csv.DictReader(file)}
        stops: dict[str, list[tuple[str, int | None]]] = defaultdict(list)
        with folder.path("metro_line_stations").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                distance = row["dist_from_prev_m"]
                stops[row["line"]].append((row["station"], int(distance) if distance else None))
        neighbours: dict[str, list[Segment]] = defaultdict(list)
        for line, sequence in stops.items():
            for one, other, distance_m in track_of(line, sequence, is_loop=is_loop[line]):
                neighbours[one].append(Segment(other, line, distance_m))
                neighbours[other].append(Segment(one, line, distance_m))
        tariff = load_metro_tariff(data)
        lines_of: dict[str, set[str]] = {tariff.main_network.code: set()}
        for line in stops:
            lines_of.setdefault(tariff.network_of(line).code, set()).add(line)
        return cls(dict(neighbours), tuple(map(frozenset, lines_of.values())))

    @property
    def stations(self) -> frozenset[str]:
        """Every station's name."""
        return frozenset(self._neighbours)

    def lines_at(self, station: str) -> frozenset[str]:
        """The lines that stop at a station."""
        return frozenset(segment.line for segment in self._neighbours[self.require(station)])

    def require(self, station: str) -> str:
        """The station itself, or ``StationUnknown`` with the names that look like it."""
        if station in self._neighbours:
            return station
        bare = station.removesuffix("站").removeprefix("地铁")
        close = [name for name in sorted(self._neighbours) if bare and name.partition("(")[0] in (bare, station)]
        close = close or difflib.get_close_matches(bare, sorted(self._neighbours), n=3, cutoff=0.3)
        close = close or [name for name in sorted(self._neighbours) if bare and bare[0] in name][:3]
        hint = f"；您是否要找：{'、'.join(close)}" if close else ""
        raise StationUnknown(f"没有名为“{station}”的地铁站{hint}")

    def shortest_distance_m(self, start: str, goal: str) -> int:
        """Track metres of the shortest way; 0 from a station to itself. Raises as ``shortest_way``."""
        return self.shortest_way(start, goal).distance_m

    def shortest_way(self, start: str, goal: str) -> Way:
        """The way of least track metres; among equals the one that sorts first, so that every run agrees.

        Within the first fare network that serves both stations; over all lines when none does.
        Raises ``StationUnknown``, or ``ValueError`` when no track joins the two.
        """
        here, there = self.lines_at(start), self.lines_at(goal)
        if (start, goal) not in self._ways:
            lines = next((lines for lines in self._fare_networks if lines & here and lines & there), None)
            self._ways[start, goal] = self._search(start, goal, lines)
        return self._ways[start, goal]

    def _search(self, start: str, goal: str, lines: frozenset[str] | None) -> Way:
        best = {start: 0}
        came_by: dict[str, tuple[str, Segment]] = {}
        queue = [(0, start)]
        while queue:
            distance_m, station = heapq.heappop(queue)
            if station == goal:
                return Way(distance_m, self._lines_back(came_by, goal))
            if distance_m > best[station]:
                continue
            for segment in self._neighbours[station]:
                if lines is not None and segment.line not in lines:
                    continue
                through_m = distance_m + segment.distance_m
                if through_m < best.get(segment.to_station, through_m + 1):
                    best[segment.to_station] = through_m
                    came_by[segment.to_station] = (station, segment)
                    heapq.heappush(queue, (through_m, segment.to_station))
        raise ValueError(f"no track joins {start} and {goal}")

    @staticmethod
    def _lines_back(came_by: dict[str, tuple[str, Segment]], goal: str) -> tuple[tuple[str, int], ...]:
        stretches: list[tuple[str, int]] = []
        station = goal
        while station in came_by:
            station, segment = came_by[station]
            if stretches and stretches[-1][0] == segment.line:
                stretches[-1] = (segment.line, stretches[-1][1] + segment.distance_m)
            else:
                stretches.append((segment.line, segment.distance_m))
        return tuple(reversed(stretches))


def track_of(line: str, sequence: list[tuple[str, int | None]], *, is_loop: bool) -> Iterator[tuple[str, str, int]]:
    """The stretches of a line as (station, next station, metres); on a loop the closing stretch comes last.

    ``sequence``: stations in order, each with the metres from the one before; a loop's first holds the closing stretch.
    Raises ``ValueError`` naming the station whose distance is missing.
    """
    for (before, _), (station, distance_m) in itertools.pairwise(sequence):
        if distance_m is None:
            raise ValueError(f"{line}: {station} lacks its distance from {before}")
        yield before, station, distance_m
    if is_loop:
        closing_m = sequence[0][1]
        if closing_m is None:
            raise ValueError(f"{line}: the first station of a loop must hold the closing stretch")
        yield sequence[-1][0], sequence[0][0], closing_m


@cache
def metro_network(data: Path = CITY_DATA) -> Network:
    """The city's network, loaded once per process."""
    return Network.load(data)
