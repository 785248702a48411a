"""The made-up population: shaped like the census, sound in every row, and nobody's."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from stdnum import numdb
from stdnum.cn import ric, uscc

from tests.registry.conftest import Import
from yikatong.city.folder import open_folder
from yikatong.foundation.checksums import card_number_check_digit, identity_check_digit
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.registry.rows import ORGANISATION_COLUMNS, PERSON_COLUMNS, Known, OrganisationRow, PersonRow
from yikatong.registry.rules import check_organisation_row, check_person_row
from yikatong.registry.synth import numbers, writing
from yikatong.registry.synth.numbers import IdentityNumbers
from yikatong.registry.synth.sources import read_city_people

ON = date(2026, 11, 23)
PERSONS = 60_000


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synth") / "register.csv"
    report = writing.write_synthetic_register(out, persons=PERSONS, seed=7, on=ON)
    assert (report.persons, report.persons_path) == (PERSONS, out)
    return out


@pytest.fixture(scope="module")
def people(register: Path) -> pl.DataFrame:
    frame = pl.read_csv(register, infer_schema=False).fill_null("")
    born = pl.col("birth_date").str.to_date()
    had_birthday = (born.dt.month() * 32 + born.dt.day()) <= ON.month * 32 + ON.day
    return frame.with_columns(age=ON.year - born.dt.year() - (~had_birthday).cast(pl.Int32))


@pytest.fixture(scope="module")
def units(register: Path) -> pl.DataFrame:
    return pl.read_csv(writing.organisations_path(register), infer_schema=False)


def census(role: str) -> pl.DataFrame:
    return pl.read_csv(open_folder().path(role), infer_schema=False)


def measure(name: str) -> int:
    return int(census("city_population").filter(pl.col("measure") == name)["value"].item())


def is_assigned(division: str) -> bool:
    """Whether a division code was ever anybody's, by the list that python-stdnum carries."""
    return any("county" in properties for _, properties in numdb.get("cn/loc").info(division + "0" * 12))


def test_every_row_passes_the_rules(people: pl.DataFrame, units: pl.DataFrame) -> None:
    districts = frozenset(census("districts")["code6"])
    for row in units.rows():
        assert isinstance(check_organisation_row(row, districts), OrganisationRow)
    assert tuple(units.columns) == ORGANISATION_COLUMNS
    known = Known(
        frozenset(census("communities")["code12"]),
        frozenset(census("banks")["short_code"]),
        dict(units.select("credit_code", "kind").iter_rows()),
    )
    assert tuple(people.columns[: len(PERSON_COLUMNS)]) == PERSON_COLUMNS
    for row in people.select(PERSON_COLUMNS).iter_rows():
        assert isinstance(check_person_row(row, known, ON), PersonRow)


def test_numbers_are_well_formed_unique_and_nobodys(people: pl.DataFrame, units: pl.DataFrame) -> None:
    for column in ("identity_number", "phone", "older_card_number"):
        given = people[column].filter(people[column] != "")
        assert given.n_unique() == len(given)
    sample = people["identity_number"].head(2000)
    assert all(ric.calc_check_digit(number) == number[-1] for number in sample)
    assert all(identity_check_digit(number[:-1]) == number[-1] for number in sample)
    assert set(people["identity_number"].str.slice(0, 4)) == {"1199"}
    assert is_assigned("110101")
    assert not any(is_assigned(division) for division in people["identity_number"].str.slice(0, 6).unique())
    assert set(people["phone"].str.slice(0, 3)) == {"102", ""}
    assert all(uscc.calc_check_digit(code) == code[-1] for code in units["credit_code"].head(500))
    assert set(units["credit_code"].str.slice(2, 4)) == {"1199"}
    cards = people["older_card_number"].filter(people["older_card_number"] != "")
    assert all(card_number_check_digit(number[:8]) == number[8] for number in cards.head(2000))
    assert set(cards.str.slice(0, 1)) <= set(numbers.OLDER_CARD_LETTERS)
    assert set(units["name"].str.slice(0, 2)) == {"虚构"}


def test_districts_have_the_census_sizes(people: pl.DataFrame) -> None:
    expected = {row[0]: int(row[2]) for row in census("district_population").iter_rows()}
    total = sum(expected.values())
    found = dict(people["community_code"].str.slice(0, 6).value_counts().iter_rows())
    assert found.keys() == expected.keys()
    for district, size in expected.items():
        share = size / total
        assert found[district] / PERSONS == pytest.approx(share, abs=6 * (share / PERSONS) ** 0.5)


@pytest.mark.parametrize(
    ("low", "below", "name"),
    [(0, 15, "age_0_14"), (15, 60, "age_15_59"), (60, 200, "age_60_plus"), (65, 200, "age_65_plus")],
)
def test_ages_are_the_census_ones(people: pl.DataFrame, low: int, below: int, name: str) -> None:
    share = people.filter(pl.col("age").is_between(low, below - 1)).height / PERSONS
    assert share == pytest.approx(measure(name) / measure("resident_population"), abs=0.01)


def test_sexes_and_nationalities_are_the_census_ones(people: pl.DataFrame) -> None:
    total = measure("resident_population")
    assert people.filter(pl.col("sex") == "1").height / PERSONS == pytest.approx(measure("male") / total, abs=0.01)
    assert people.filter(pl.col("ethnicity_code") == "01").height / PERSONS == pytest.approx(
        measure("ethnic_han") / total, abs=0.01
    )
    assert people["ethnicity_code"].n_unique() > 30


def test_surnames_follow_their_weights(people: pl.DataFrame) -> None:
    weights = {row[0]: float(row[1]) for row in census("surnames").iter_rows()}
    share = weights["王"] / sum(weights.values())
    assert people["name"].str.starts_with("王").sum() / PERSONS == pytest.approx(share, abs=0.01)
    assert people["name"].n_unique() > PERSONS / 4


def test_families_live_together_and_guardians_are_in_the_file(people: pl.DataFrame) -> None:
    place = people.with_row_index("place").select(
        "identity_number", "place", pl.col("age").alias("their_age"), pl.col("community_code").alias("their_community")
    )
    minors = people.with_row_index("own_place").filter(pl.col("category") == "minor")
    assert minors.filter(pl.col("guardian1_identity_number") == "").is_empty()
    assert (minors["guardian2_identity_number"] != "").sum() / minors.height > 0.7
    for ordinal in (1, 2):
        column = f"guardian{ordinal}_identity_number"
        tied = minors.filter(pl.col(column) != "").join(place, left_on=column, right_on="identity_number", how="left")
        assert tied["place"].null_count() == 0
        assert (tied["community_code"] == tied["their_community"]).all()
        parents = tied.filter(pl.col(f"guardian{ordinal}_relation") != "other")
        older_by = parents["their_age"] - parents["age"]
        assert parents.height / tied.height > 0.99
        assert older_by.min() >= 18  # type: ignore[operator]
        assert 24 < float(older_by.mean()) < 34  # type: ignore[arg-type]
        assert (parents["own_place"] > parents["place"]).all()  # so that an import ties them at once


def test_employers_have_a_heavy_tail(people: pl.DataFrame) -> None:
    sizes = (
        people.filter(pl.col("category") == "employee")["organisation_code"]
        .value_counts()["count"]
        .sort(descending=True)
    )
    assert sizes[0] > 50 * float(sizes.median())  # type: ignore[arg-type]
    assert sizes.head(len(sizes) // 10).sum() > 0.4 * sizes.sum()


def test_categories_are_all_there(people: pl.DataFrame) -> None:
    shares = {name: count / PERSONS for name, count in people["category"].value_counts().iter_rows()}
    assert shares.keys() == {"minor", "student", "employee", "flexible", "resident", "retiree"}
    assert min(shares.values()) > 0.02
    retirees = people.filter(pl.col("category") == "retiree")
    assert retirees["pension_bank_code"].n_unique() == 15
    assert (retirees["pension_bank_code"] != "").all()
    older = people.filter(pl.col("older_card_generation") != "")
    assert (older["older_card_generation"] == "2").sum() / PERSONS > 0.8


def test_the_same_seed_makes_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "BLOCK_PERSONS", 700)  # several blocks
    contents = []
    for name, seed, on in (("a", 1, ON), ("b", 1, ON), ("c", 2, ON), ("d", 1, date(2026, 12, 1))):
        out = tmp_path / f"{name}.csv"
        writing.write_synthetic_register(out, persons=2000, seed=seed, on=on)
        contents.append((out.read_bytes(), writing.organisations_path(out).read_bytes()))
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]
    assert contents[0][0] != contents[3][0]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".csv"] * 8
    frame = pl.read_csv(tmp_path / "a.csv", infer_schema=False)
    assert frame["identity_number"].n_unique() == 2000
    assert frame["phone"].drop_nulls().is_duplicated().sum() == 0


def test_parquet_holds_what_csv_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "BLOCK_PERSONS", 300)
    for name in ("r.csv", "r.parquet"):
        writing.write_synthetic_register(tmp_path / name, persons=1000, seed=1, on=ON)
    text = pl.read_csv(tmp_path / "r.csv", infer_schema=False).fill_null("")
    assert pl.read_parquet(tmp_path / "r.parquet").equals(text)


@pytest.mark.parametrize("persons", [1, 2, 30])
def test_few_people_are_possible(tmp_path: Path, persons: int) -> None:
    report = writing.write_synthetic_register(tmp_path / "r.csv", persons=persons, seed=3, on=ON)
    assert len((tmp_path / "r.csv").read_text(encoding="utf-8").splitlines()) == persons + 1
    assert report.organisations >= 20
    with pytest.raises(ValueError, match="at least 1"):
        writing.write_synthetic_register(tmp_path / "r.csv", persons=0, seed=3, on=ON)


def test_identity_numbers_run_out_with_a_clear_error() -> None:
    taken = IdentityNumbers(1, last_day=0)
    zeros = np.zeros(500, dtype=np.int64)
    assert taken.take(zeros, zeros, zeros).n_unique() == 500
    assert taken.take(zeros, zeros, zeros + 1).n_unique() == 500
    with pytest.raises(ValueError, match="ask for fewer persons"):
        taken.take(zeros[:1], zeros[:1], zeros[:1])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.usefixtures("db")
def test_a_made_up_register_is_imported_whole(tmp_path: Path, take: Import, suffix: str) -> None:
    from yikatong.audit.actors import Actor
    from yikatong.city.models import Division
    from yikatong.registry.models import Guardianship, Membership, Organisation, Person
    from yikatong.registry.organisations import import_organisations

    people = read_city_people()
    Division.objects.bulk_create(
        [
            Division(code=code, level="community", name="", district_code=code[:6], source="test")
            for code in people.communities.values
        ]
        + [
            Division(code=code, level="district", name="", district_code=code, source="test")
            for code in people.district_codes
        ]
    )
    out = tmp_path / f"register.{suffix}"
    report = writing.write_synthetic_register(out, persons=1500, seed=1, on=beijing_day(utc_now()), people=people)
    units = import_organisations(report.organisations_path, by=Actor.system("test"), at=utc_now())
    assert (units.added, units.rejected) == (report.organisations, 0)
    assert Organisation.objects.filter(is_synthetic=True).count() == report.organisations
    imported = take(out)
    assert (imported.added, imported.rejected, imported.guardians_awaited) == (1500, 0, 0)
    minors = Person.objects.filter(category="minor")
    assert Guardianship.objects.values("ward_person_id").distinct().count() == minors.count() > 100
    assert Membership.objects.count() > 500
