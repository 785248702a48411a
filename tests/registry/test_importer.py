"""What an import does to the register: once, again, changed, and with every kind of row in it."""

import csv
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.registry.conftest import Import, register_contents
from tests.registry.people import (
    ADULT,
    COMMUNITY,
    EMPLOYER,
    FATHER,
    MINOR,
    MOTHER,
    OTHER_COMMUNITY,
    OTHER_EMPLOYER,
    RETIREE,
    adult,
    identity,
    write_file,
)
from yikatong.audit.models import AuditEvent
from yikatong.city.models import Division
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.registry import importer
from yikatong.registry.importer import connection_parameters_of, only_import
from yikatong.registry.models import Guardianship, ImportRepeat, ImportRun, Membership, PendingGuardian, Person
from yikatong.registry.reasons import Reason
from yikatong.registry.sealing import field_cipher

PARENTS = [
    adult(1, identity_number=FATHER, name="测试父"),
    adult(2, identity_number=MOTHER, name="测试母", sex="2"),
]


def rejected_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def counts(report: Any) -> tuple[int, int, int, int]:
    return (report.added, report.changed, report.unchanged, report.rejected)


@pytest.mark.usefixtures("city", "small_chunks")
def test_good_rows_go_in_and_bad_ones_out(tmp_path: Path, take: Import) -> None:
    bad = adult(9, name="=HYPERLINK(1)", phone="+1")
    path = write_file(tmp_path / "register.csv", [*PARENTS, MINOR, bad, ADULT, RETIREE])
    with path.open("a", encoding="utf-8") as file:
        file.write("only,three,cells\n")
    report = take(path)
    assert (report.rows, *counts(report)) == (7, 5, 0, 0, 2)
    assert report.rejected_path == tmp_path / "register.rejected.csv"
    first, second = rejected_rows(report.rejected_path)
    assert (first["line"], first["reason_codes"]) == ("5", "name_characters_wrong phone_wrong")
    assert first["reason_text"].startswith("第 5 行：姓名只能有")
    assert (first["name"], first["phone"], first["identity_number"]) == (
        "'=HYPERLINK(1)",
        "'+1",
        bad["identity_number"],
    )
    assert (second["line"], second["reason_codes"], second["original_row"]) == (
        "8",
        "column_count_wrong",
        "only,three,cells",
    )
    assert report.rejected_path.stat().st_mode & 0o777 == 0o600
    contents = register_contents()
    assert contents[MINOR["identity_number"]] == {
        "name": "测试小",
        "phone": "",
        "sex": "1",
        "birth_date": "2020-05-05",
        "community": COMMUNITY,
        "category": "minor",
        "bank": "",
        "older_card": (None, ""),
        "needs": (False, False),
        "guardians": [(FATHER, "father", True), (MOTHER, "mother", True)],
        "units": [],
    }
    assert contents[RETIREE["identity_number"]]["bank"] == "BOB"
    assert contents[RETIREE["identity_number"]]["needs"] == (True, False)
    assert contents[ADULT["identity_number"]]["units"] == [(EMPLOYER, True)]
    assert contents[ADULT["identity_number"]]["older_card"] == (2, ADULT["older_card_number"])


@pytest.mark.usefixtures("city", "small_chunks")
def test_a_mended_rejected_file_can_be_imported(tmp_path: Path, take: Import) -> None:
    path = write_file(tmp_path / "register.csv", [adult(1), adult(2, phone="12"), adult(3)])
    rejected = take(path).rejected_path
    assert rejected is not None
    rejected.write_text(rejected.read_text(encoding="utf-8-sig").replace(",12,", ",10200000012,"), encoding="utf-8-sig")
    assert counts(take(rejected)) == (1, 0, 0, 0)
    assert register_contents()[adult(2)["identity_number"]]["phone"] == "10200000012"


@pytest.mark.usefixtures("city", "small_chunks")
def test_importing_again_changes_nothing(tmp_path: Path, take: Import) -> None:
    rows = [*PARENTS, MINOR, RETIREE, ADULT, adult(7, name="1")]
    path = write_file(tmp_path / "register.csv", rows)
    first = take(path)
    before = (list(Person.objects.values()), list(Guardianship.objects.values()), list(Membership.objects.values()))
    rejected = (tmp_path / "register.rejected.csv").read_bytes()

    again = take(path)
    assert again.was_already_imported
    assert counts(again) == counts(first)
    worked_through = take(path, again=True)
    assert counts(worked_through) == (0, 0, 5, 1)
    other_file = write_file(tmp_path / "copy.csv", list(reversed(rows)), encoding="gb18030")
    assert counts(take(other_file)) == (0, 0, 5, 1)

    after = (list(Person.objects.values()), list(Guardianship.objects.values()), list(Membership.objects.values()))
    assert after == before
    assert (tmp_path / "register.rejected.csv").read_bytes() == rejected


@pytest.mark.usefixtures("city", "small_chunks")
def test_changed_rows_change_the_person(tmp_path: Path, take: Import) -> None:
    at = utc_now()
    take(write_file(tmp_path / "one.csv", [*PARENTS, MINOR, ADULT, adult(5)]), at=at - timedelta(days=10))
    new_guardian = identity("19750101", 8)
    changed = [
        MINOR
        | {"guardian2_identity_number": new_guardian, "guardian2_relation": "other", "community_code": OTHER_COMMUNITY},
        ADULT | {"organisation_code": OTHER_EMPLOYER, "phone": "", "name": "测试改"},
        adult(5),
        adult(6, identity_number=new_guardian, sex="2"),
    ]
    report = take(write_file(tmp_path / "two.csv", changed), at=at)
    assert counts(report) == (1, 2, 1, 0)
    contents = register_contents()
    child, grown = contents[MINOR["identity_number"]], contents[ADULT["identity_number"]]
    assert child["guardians"] == [(new_guardian, "other", True), (FATHER, "father", True), (MOTHER, "mother", False)]
    assert child["community"] == OTHER_COMMUNITY
    assert (grown["name"], grown["phone"]) == ("测试改", "")
    assert grown["units"] == [(EMPLOYER, False), (OTHER_EMPLOYER, True)]
    yesterday = beijing_day(at) - timedelta(days=1)
    assert set(Guardianship.objects.exclude(until=None).values_list("until", flat=True)) == {yesterday}

    back = take(write_file(tmp_path / "three.csv", [MINOR, ADULT]), at=at)
    assert counts(back) == (0, 2, 0, 0)
    contents = register_contents()
    assert (MOTHER, "mother", True) in contents[MINOR["identity_number"]]["guardians"]  # type: ignore[operator]
    assert contents[ADULT["identity_number"]]["units"] == [(EMPLOYER, True), (OTHER_EMPLOYER, False)]


@pytest.mark.usefixtures("city", "small_chunks")
def test_what_an_office_recorded_is_not_taken_back_by_a_file(tmp_path: Path, take: Import) -> None:
    take(write_file(tmp_path / "one.csv", [*PARENTS, MINOR, ADULT]))
    Guardianship.objects.update(from_import=False)
    Membership.objects.update(from_import=False)
    alone = {"guardian2_identity_number": "", "guardian2_relation": ""}
    take(write_file(tmp_path / "two.csv", [MINOR | alone, ADULT | {"organisation_code": OTHER_EMPLOYER}]))
    contents = register_contents()
    assert len(contents[MINOR["identity_number"]]["guardians"]) == 2  # type: ignore[arg-type]
    assert contents[ADULT["identity_number"]]["units"] == [(EMPLOYER, True), (OTHER_EMPLOYER, True)]


@pytest.mark.usefixtures("city", "small_chunks")
def test_an_identity_number_that_occurs_twice_counts_once(tmp_path: Path, take: Import) -> None:
    lower = {"identity_number": ADULT["identity_number"].lower()}
    rows = [
        ADULT | {"phone": "1"},  # line 2: not sound, so it is not the first
        adult(1),
        adult(2),
        adult(3),
        ADULT | lower,  # line 6: the first sound one
        adult(4),
        ADULT,  # says the same
        ADULT | {"name": "测试乙"},  # line 9: says otherwise
        adult(1, name="测试丙"),  # line 10
    ]
    path = write_file(tmp_path / "register.csv", rows)
    report = take(path)
    assert counts(report) == (5, 0, 1, 3)
    assert register_contents()[ADULT["identity_number"]]["name"] == "测试甲"
    assert [(row["line"], row["reason_codes"]) for row in rejected_rows(tmp_path / "register.rejected.csv")] == [
        ("2", "phone_wrong"),
        ("9", "identity_number_repeated"),
        ("10", "identity_number_repeated"),
    ]
    words = rejected_rows(tmp_path / "register.rejected.csv")[1]["reason_text"]
    assert words == "第 9 行：身份证号码与第 6 行相同，而其他内容不同；以先出现的一行为准。"
    assert not ImportRepeat.objects.exists()
    assert counts(take(path, again=True)) == (0, 0, 6, 3)


@pytest.mark.usefixtures("city", "small_chunks")
def test_a_repeated_row_that_changes_a_known_person(tmp_path: Path, take: Import) -> None:
    take(write_file(tmp_path / "one.csv", [ADULT]))
    changed = ADULT | {"name": "测试乙"}
    report = take(write_file(tmp_path / "two.csv", [changed, adult(1), adult(2), adult(3), changed, ADULT]))
    assert counts(report) == (3, 1, 1, 1)
    assert register_contents()[ADULT["identity_number"]]["name"] == "测试乙"


@pytest.mark.usefixtures("city", "small_chunks")
def test_guardians_may_come_later(tmp_path: Path, take: Import) -> None:
    sibling = MINOR | {"identity_number": identity("20210606", 5), "birth_date": "", "name": "测试二"}
    report = take(write_file(tmp_path / "one.csv", [MINOR, sibling, adult(3), adult(4), PARENTS[0]]))
    assert report.guardians_awaited == 2
    assert register_contents()[MINOR["identity_number"]]["guardians"] == [(FATHER, "father", True)]
    report = take(write_file(tmp_path / "two.csv", [adult(8), PARENTS[1]]))
    assert report.guardians_awaited == 0
    contents = register_contents()
    for child in (MINOR, sibling):
        assert contents[child["identity_number"]]["guardians"] == [(FATHER, "father", True), (MOTHER, "mother", True)]


@pytest.mark.usefixtures("city", "small_chunks")
def test_a_guardian_no_longer_named_is_no_longer_awaited(tmp_path: Path, take: Import) -> None:
    take(write_file(tmp_path / "one.csv", [PARENTS[0], MINOR]))
    assert PendingGuardian.objects.count() == 1
    take(write_file(tmp_path / "two.csv", [MINOR | {"guardian2_identity_number": "", "guardian2_relation": ""}]))
    take(write_file(tmp_path / "three.csv", [PARENTS[1]]))
    assert register_contents()[MINOR["identity_number"]]["guardians"] == [(FATHER, "father", True)]


@pytest.mark.usefixtures("city")
def test_an_import_is_audited_without_personal_data(tmp_path: Path, take: Import) -> None:
    take(write_file(tmp_path / "register.csv", [ADULT]))
    event = AuditEvent.objects.get(action="registry.imported")
    assert event.subject == f"import:{ImportRun.objects.get().file_sha256}"
    assert event.details == {"rows": 1, "added": 1, "changed": 0, "unchanged": 0, "rejected": 0}


@pytest.mark.usefixtures("db")
def test_without_a_city_nothing_is_imported(tmp_path: Path, take: Import) -> None:
    with pytest.raises(Refused, match="yikatong city load") as refusal:
        take(write_file(tmp_path / "register.csv", [ADULT]))
    assert refusal.value.reason is Reason.CITY_NOT_LOADED
    assert not ImportRun.objects.exists()
    assert not Division.objects.exists()


@pytest.mark.usefixtures("city")
def test_an_unsound_file_leaves_no_trace(tmp_path: Path, take: Import) -> None:
    path = tmp_path / "register.csv"
    path.write_text("name,phone\n", encoding="utf-8")
    with pytest.raises(Refused):
        take(path)
    assert not ImportRun.objects.exists()
    assert sorted(tmp_path.glob("register*")) == [path]


@pytest.mark.usefixtures("committed_city")
def test_two_imports_at_once_are_refused(tmp_path: Path, take: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yikatong.registry.importer._LOCK_WAIT", "50ms")
    path = write_file(tmp_path / "register.csv", [ADULT])
    with psycopg.connect(**connection_parameters_of(connection.connection)) as other:
        other.execute("select pg_advisory_lock(%s)", [0x594B545F494D50])
        with pytest.raises(Refused) as refusal:
            take(path)
        assert refusal.value.reason is Reason.IMPORT_RUNNING
    assert counts(take(path)) == (1, 0, 0, 0)
    with only_import():
        pass


@pytest.mark.usefixtures("committed_city")
def test_somebody_registered_while_their_chunk_waits(
    tmp_path: Path, take: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chunk was compared with the register before; it must be compared again, not fail or register them twice."""
    path = write_file(tmp_path / "register.csv", [adult(1), ADULT, adult(2)])
    store_chunk, calls = importer.store_chunk, []

    def store_after_another(*arguments: Any) -> None:
        if not calls:
            calls.append("first")
            with psycopg.connect(**connection_parameters_of(connection.connection)) as other:
                other.execute(
                    "insert into registry_identity_key (identity_number_index, person_id) values (%s, 900001)",
                    [_index_of(ADULT["identity_number"])],
                )
                other.execute(
                    "insert into registry_person select 900001, '\\x00', %s, '\\x00', null, null, '1', '01', '1990-01-01',"
                    " '', 'employee', '', false, false, null, '', '\\x00', now()",
                    [_index_of(ADULT["identity_number"])],
                )
        store_chunk(*arguments)

    monkeypatch.setattr(importer, "store_chunk", store_after_another)
    assert counts(take(path)) == (2, 1, 0, 0)
    assert Person.objects.count() == 3


def _index_of(identity_number: str) -> bytes:
    return field_cipher().blind_index("identity_number", identity_number)
