"""All of a city's data folder, read and found good, or every fault in it.

Reading changes nothing: see ``loader`` for the database. Checks of single rows are in the schemas, checks between tables
in ``checks``.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from yikatong.city.banking import BankEntry, OutletPlan, read_banks
from yikatong.city.capacity import read_campaign
from yikatong.city.checks import check_between_tables, check_boundaries, check_fare_source
from yikatong.city.consents import read_consents
from yikatong.city.folder import CITY_DATA, RULE_FILES, BadCityData, CityFolder, Problem, open_folder
from yikatong.city.guidance import Question, read_questions, read_services
from yikatong.city.rules import read_programme
from yikatong.city.schemas import TABLES, Row
from yikatong.city.tables import Table, read_table
from yikatong.city.tariffs import read_metro_fares


@dataclass(frozen=True, slots=True)
class CityContent:
    """Every table of a folder, and what its rule files say about banks and questions."""

    folder: CityFolder
    tables: dict[str, Table[Any]]
    banks: tuple[BankEntry, ...]
    outlet_plan: OutletPlan
    rule_entries: dict[str, int]
    questions: tuple[Question, ...] = ()

    def rows[R: Row](self, role: str, kind: type[R]) -> list[R]:
        """The rows of the table in this role; ``kind`` is their struct, as ``schemas.TABLES`` says."""
        if TABLES[role][0] is not kind:
            raise TypeError(f"{role} holds {TABLES[role][0].__name__}, not {kind.__name__}")
        return cast("list[R]", self.tables[role].rows)

    def count_of(self, name: str) -> int:
        """How many rows, entries or features a file of the folder holds."""
        for role, table in self.tables.items():
            if self.folder.described(role).name == name:
                return len(table.rows)
        return self.rule_entries.get(name, 0)


def read_city(root: Path = CITY_DATA) -> CityContent:
    """Read and check everything. Raises ``BadCityData`` with every fault found, in every file."""
    folder = open_folder(root)
    tables: dict[str, Table[Any]] = {}
    problems: list[Problem] = []
    for role, (kind, unique) in TABLES.items():
        tables[role], faults = read_table(folder.path(role), folder.described(role).name, kind, unique)
        problems += faults
    programme, programme_faults = read_programme(root)
    fares, fare_faults = read_metro_fares(root)
    banks, bank_faults = read_banks(root)
    campaign, campaign_faults = read_campaign(root)
    consents, consent_faults = read_consents(root)
    services, service_faults = read_services(root)
    questions, question_faults = read_questions(root)
    problems += programme_faults + fare_faults + bank_faults + campaign_faults
    problems += consent_faults + service_faults + question_faults
    features, feature_faults = _read_json(folder, "boundaries")
    source_fares, source_faults = _read_json(folder, "metro_fares")
    problems += feature_faults + source_faults
    problems += check_between_tables(folder, tables, programme=programme, fares=fares, banks=banks)
    if not feature_faults:
        problems += check_boundaries(folder, tables["districts"], features)
    if not source_faults and not fare_faults:
        problems += check_fare_source(folder, source_fares, fares)
    if problems:
        raise BadCityData(problems)
    counts = {
        name: sum(map(len, entries.values()))
        for name, entries in zip(
            RULE_FILES,
            (programme, fares, banks, campaign, consents, services, questions),
            strict=True,
        )
    }
    counts[folder.described("boundaries").name] = len(features["features"])
    counts[folder.described("metro_fares").name] = len(source_fares["rule_groups"])
    return CityContent(
        folder, tables, tuple(banks["bank"]), banks["outlet_plan"][0], counts, tuple(questions["question"])
    )


def _read_json(folder: CityFolder, role: str) -> tuple[Any, list[Problem]]:
    file = folder.described(role)
    try:
        return json.loads(folder.path(role).read_text(encoding="utf-8")), []
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 0
        return {}, [Problem(file.name, line, "", f"读不出来：{error}")]
