"""The commands as an operator gives them."""

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from tests.registry.people import ADULT, DISTRICT, EMPLOYER, MINOR, adult, credit_code, write_file, write_units
from yikatong.foundation.errors import Refused
from yikatong.registry.cli import registry
from yikatong.registry.models import ImportRun, Organisation
from yikatong.registry.reasons import Reason


def run(*arguments: object) -> Result:
    return CliRunner().invoke(registry, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.mark.usefixtures("city")
def test_import_says_what_it_did(tmp_path: Path) -> None:
    path = write_file(tmp_path / "register.csv", [ADULT, MINOR, adult(3, phone="1")])
    first = run("import", path, "--processes", 0)
    assert "3 rows: 2 added, 0 changed, 0 unchanged, 1 rejected" in first.output
    assert str(tmp_path / "register.rejected.csv") in first.output
    assert "2 guardians named for minors are not in the register" in first.output
    again = run("import", path)
    assert "was imported before; nothing changed" in again.output
    worked = run("import", path, "--again", "--processes", 0)
    assert "3 rows: 0 added, 0 changed, 2 unchanged, 1 rejected" in worked.output


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_units_are_imported_all_or_nothing(tmp_path: Path, suffix: str) -> None:
    rows = [
        (credit_code(50), "employer", "虚构甲公司", DISTRICT),
        (credit_code(51), "school", "虚构乙学校", DISTRICT),
        (credit_code(50), "employer", "虚构甲公司", DISTRICT),  # says the same
        (credit_code(50), "employer", "虚构丙公司", DISTRICT),  # says otherwise
        (credit_code(52), "shop", "虚构丁公司", DISTRICT),
        (EMPLOYER, "employer", "测试单位", DISTRICT),
    ]
    path = tmp_path / f"units.{suffix}"
    if suffix == "csv":
        write_units(path, rows)
    else:
        pl.DataFrame(rows, schema=["credit_code", "kind", "name", "district_code"], orient="row").write_parquet(path)
    Organisation.objects.filter(pk=EMPLOYER).update(bank_codes=["BOB"], is_enrolled_as_whole=True)
    assert "6 rows: 2 added, 1 changed, 1 unchanged, 2 rejected" in run("import-organisations", path).output
    text = (tmp_path / "units.rejected.csv").read_text(encoding="utf-8-sig")
    line = 5 if suffix == "csv" else 4
    assert f"第 {line} 行：统一社会信用代码与第 {line - 3} 行相同" in text
    assert "organisation_kind_unknown" in text
    known = Organisation.objects.get(pk=EMPLOYER)
    assert (known.name, known.bank_codes, known.is_enrolled_as_whole, known.is_synthetic) == (
        "测试单位",
        ["BOB"],
        True,
        False,
    )
    assert Organisation.objects.get(pk=credit_code(50)).is_synthetic
    assert "6 rows: 0 added, 0 changed, 4 unchanged, 2 rejected" in run("import-organisations", path).output
    assert ImportRun.objects.get().kind == "organisations"


@pytest.mark.usefixtures("db")
def test_units_need_a_city(tmp_path: Path) -> None:
    path = write_units(tmp_path / "units.csv", [(credit_code(50), "employer", "虚构甲公司", DISTRICT)])
    with pytest.raises(Refused) as refusal:
        run("import-organisations", path)
    assert refusal.value.reason is Reason.CITY_NOT_LOADED


def test_synth_makes_both_files(tmp_path: Path) -> None:
    out = tmp_path / "people.csv"
    result = run("synth", "--persons", 50, "--seed", 4, "--out", out, "--on", "2026-11-23")
    assert "50 persons" in result.output
    again = tmp_path / "again.csv"
    run("synth", "--persons", 50, "--seed", 4, "--out", again, "--on", "2026-11-23")
    assert out.read_bytes() == again.read_bytes()
    assert (tmp_path / "people.organisations.csv").is_file()
    assert "employers and schools" in run("synth", "--persons", 1, "--out", out).output
