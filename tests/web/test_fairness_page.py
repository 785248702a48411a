"""The public notice of the banks' order: digests before, seeds after, and a record that anybody can check."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.test import Client

from tests.cast import make_bank, make_person
from yikatong.banks.cli import fairness
from yikatong.banks.models import FairSeed
from yikatong.banks.services import draw_bank_order, keep_seeds, seed_of
from yikatong.foundation.clock import beijing_day, utc_now

pytestmark = pytest.mark.django_db


def test_a_seed_is_shown_only_after_its_day_and_its_digest_before() -> None:
    now = utc_now()
    today, yesterday = beijing_day(now), beijing_day(now) - timedelta(days=1)
    keep_seeds(at=now - timedelta(days=1))
    keep_seeds(at=now)
    page = Client().get("/fairness/").content.decode()
    for fair_seed in FairSeed.objects.all():
        assert fair_seed.commitment_hex in page
        assert (seed_of(fair_seed).hex() in page) is (fair_seed.day < today)
        assert Client().get(f"/fairness/{fair_seed.day}.json").status_code == (200 if fair_seed.day < today else 404)
    assert page.index(f'data-day="{today}"') < page.index(f'data-day="{yesterday}"'), "newest first"


def test_anybody_can_check_a_days_record(tmp_path: Path) -> None:
    now = utc_now()
    before = now - timedelta(days=1)
    for code in ("ICBC", "ABC", "BOC"):
        make_bank(code)
    person = make_person(1)
    draw_bank_order(person.person_id, day=beijing_day(before), at=before)
    keep_seeds(at=now)
    answer = Client().get(f"/fairness/{beijing_day(before)}.json")
    file = tmp_path / "record.json"
    file.write_bytes(answer.content)
    checked = CliRunner().invoke(fairness, ["verify", "--file", str(file)])
    assert checked.exit_code == 0, checked.output
    assert len(json.loads(answer.content)["draws"]) == 1
    assert f'"{person.person_id}"' not in answer.content.decode()


@pytest.mark.parametrize("day", ["2026-13-01", "x", "1999-01-01", "../help"])
def test_a_day_without_a_record_is_not_found(day: str) -> None:
    assert Client().get(f"/fairness/{day}.json").status_code == 404


def test_an_installation_without_seeds_says_so() -> None:
    assert "还没有公布摘要" in Client(headers={"accept-language": "zh-hans"}).get("/fairness/").content.decode()
