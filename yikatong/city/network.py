"""The metro as a graph of real track distances, and the shortest way between two stations.

Django-free: terminals and pure rules use it too. The fare follows the shortest way, whichever way was ridden.
Source: distances from Beijing-Subway-Tools (city/data/beijing/metro_line_stations.csv).
"""

import csv
import difflib
import heapq
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from yikatong.city.tariffs import CITY_DATA
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
    """Stations and the track between them."""

    def __init__(self, neighbours: dict[str, list[Segment]]) -> None:
        self._neighbours = neighbours
        self._ways: dict[tuple[str, str], Way] = {}

    @classmethod
    def load(cls, data: Path = CITY_DATA) -> "Network":
        """Read lines and virtual transfers from a city's data folder."""
        neighbours: dict[str, list[Segment]] = defaultdict(list)

        def join(one: str, other: str, line: str, distance_m: int) -> None:
            neighbours[one].append(Segment(other, line, distance_m))
            neighbours[other].append(Segment(one, line, distance_m))

        with (data / "metro_lines.csv").open(encoding="utf-8", newline="") as file:
            loops = {row["line"] for row in csv.DictReader(file) if row["is_loop"] == "1"}
        stops: dict[str, list[tuple[str, int | None]]] = defaultdict(list)
        with (data / "metro_line_stations.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                distance = row["dist_from_prev_m"]
                stops[row["line"]].append((row["station"], int(distance) if distance else None))
        for line, sequence in stops.items():
            for (before, _), (station, distance_m) in zip(sequence, sequence[1:], strict=False):
                if distance_m is None:
                    raise ValueError(f"metro_line_stations.csv: {line} {station} lacks its distance from {before}")
                join(before, station, line, distance_m)
            closing_m = sequence[0][1]
            if line in loops and closing_m is not None:
                join(sequence[-1][0], sequence[0][0], line, closing_m)
        return cls(dict(neighbours))

    @property
    def stations(self) -> frozenset[str]:
        """Every station's name."""
        return frozenset(self._neighbours)

    def require(self, station: str) -> str:
        """The station itself, or ``StationUnknown`` with the names that look like it."""
        if station in self._neighbours:
            return station
        close = difflib.get_close_matches(station, self._neighbours, n=3, cutoff=0.3)
        close = close or [name for name in sorted(self._neighbours) if station and station[0] in name][:3]
        hint = f"；您是否要找：{'、'.join(close)}" if close else ""
        raise StationUnknown(f"没有名为“{station}”的地铁站{hint}")

    def shortest_way(self, start: str, goal: str) -> Way:
        """The way of least track metres; among equals the one that sorts first, so that every run agrees.

        Raises ``StationUnknown``, or ``ValueError`` when no track joins the two.
        """
        self.require(start)
        self.require(goal)
        if (start, goal) not in self._ways:
            self._ways[start, goal] = self._search(start, goal)
        return self._ways[start, goal]

    def _search(self, start: str, goal: str) -> Way:
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


@cache
def metro_network(data: Path = CITY_DATA) -> Network:
    """The city's network, loaded once per process."""
    return Network.load(data)
