"""A small city, its units, and the register as it would be read by somebody with the right to it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.registry.people import COMMUNITY, DISTRICT, EMPLOYER, OTHER_COMMUNITY, OTHER_EMPLOYER, SCHOOL
from yikatong.registry.importer import ImportReport, import_persons

type Import = Callable[..., ImportReport]


@pytest.fixture(autouse=True)
def own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a key file of its own."""
    path = tmp_path / "keys.json"
    monkeypatch.setenv("YIKATONG_KEYS", str(path))
    return path


def make_city() -> None:
    """One district, two communities, two employers and a school."""
    from yikatong.city.models import Division
    from yikatong.registry.models import Organisation

    Division.objects.create(code=DISTRICT, level="district", name="测试区", district_code=DISTRICT, source="test")
    for code in (COMMUNITY, OTHER_COMMUNITY):
        Division.objects.create(code=code, level="community", name="测试社区", district_code=DISTRICT, source="test")
    for code, kind in ((EMPLOYER, "employer"), (OTHER_EMPLOYER, "employer"), (SCHOOL, "school")):
        Organisation.objects.create(credit_code=code, kind=kind, name="虚构单位", district_code=DISTRICT)


@pytest.fixture
def city(db: Any) -> None:
    """A small city in the database."""
    make_city()


@pytest.fixture
def committed_city(transactional_db: Any) -> None:
    """The same, committed, for tests in which other processes look at it."""
    make_city()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows to a chunk, so that small files have several."""
    for module in ("chunked", "csv_files", "importer"):
        monkeypatch.setattr(f"yikatong.registry.{module}.CHUNK_ROWS", 3)


@pytest.fixture
def take() -> Import:
    """Import a file now, in this process."""
    from yikatong.audit.actors import Actor
    from yikatong.foundation.clock import utc_now

    def run(path: Path, **options: Any) -> ImportReport:
        options = {"by": Actor.system("test"), "at": utc_now(), "processes": 0} | options
        return import_persons(path, **options)

    return run


def register_contents() -> dict[str, dict[str, object]]:
    """Everybody in clear, by identity number, with their guardians and units."""
    from yikatong.registry.models import Guardianship, Membership, Person
    from yikatong.registry.selectors import clear_view

    views = {person.person_id: clear_view(person) for person in Person.objects.all()}
    contents: dict[str, dict[str, object]] = {}
    for person in Person.objects.all():
        view = views[person.person_id]
        guardians = Guardianship.objects.filter(ward_person_id=person.person_id)
        contents[view.identity_number] = {
            "name": view.name,
            "phone": view.phone,
            "sex": person.sex,
            "birth_date": person.birth_date.isoformat(),
            "community": person.community_code,
            "category": person.category,
            "bank": person.pension_bank_code,
            "older_card": (person.older_card_generation, person.older_card_number),
            "needs": (person.needs_large_print, person.needs_home_visit),
            "guardians": sorted(
                (views[g.guardian_person_id].identity_number, g.relation, g.until is None) for g in guardians
            ),
            "units": sorted(
                (m.organisation_code, m.until is None) for m in Membership.objects.filter(person_id=person.person_id)
            ),
        }
    return contents
