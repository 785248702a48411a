"""The first load of a data folder: nothing of it where one row is bad, and what the commands say."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.city.conftest import Spoil
from yikatong.city.cli import city
from yikatong.city.folder import BadCityData
from yikatong.city.loader import load_city
from yikatong.city.models import Division, LoadedFile

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def test_one_bad_row_keeps_everything_out(spoil: Spoil) -> None:
    with pytest.raises(BadCityData):
        load_city(spoil("libraries.csv", "district,东城区,DC|CW", "palace,东城区,DC|CW"), at=AT)
    assert not Division.objects.exists()
    assert not LoadedFile.objects.exists()


def test_the_commands_report_what_they_did(folder: Path) -> None:
    run = CliRunner()
    first = run.invoke(city, ["load", "--data", str(folder)])
    assert first.exit_code == 0, first.output
    assert "new       districts.csv (16 rows)" in first.output
    second = run.invoke(city, ["load", "--data", str(folder)])
    assert second.output.strip().endswith("all unchanged; nothing to do")
    checked = run.invoke(city, ["check", "--data", str(folder)])
    assert "no fault" in checked.output
    assert "licence unclear" in checked.output


def test_the_commands_name_faults_and_fail(spoil: Spoil) -> None:
    folder = spoil("districts.csv", "110101,", "11010,")
    for command in ("check", "load"):
        result = CliRunner().invoke(city, [command, "--data", str(folder)])
        assert result.exit_code == 1
        assert "districts.csv 第 2 行“code6”栏：应为六位数字的区代码，文件中为“11010”" in result.stderr
