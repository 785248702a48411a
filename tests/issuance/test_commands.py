"""``yikatong issuance …`` as staff type it: a job from opening to its last receipt."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.cast import make_bank
from tests.issuance.bureaus import made_cards
from yikatong.issuance.cli import issuance
from yikatong.issuance.models import Card, ChipKey, JobCard, PersonalisationJob
from yikatong.registry.models import Person

pytestmark = pytest.mark.django_db


def run(*arguments: object) -> Result:
    return CliRunner().invoke(issuance, [str(argument) for argument in arguments])


def done(*arguments: object) -> str:
    finished = run(*arguments)
    assert finished.exit_code == 0, finished.output + str(finished.exception)
    return finished.output


def test_a_job_from_opening_to_its_last_receipt(tmp_path: Path) -> None:
    cards = made_cards(3)
    assert "剩余 10 张" in done("blanks", "deliver", "ICBC", 10, "--note", "DN-1")
    assert "3 张卡" in done("job", "open", "ICBC")
    job_id = PersonalisationJob.objects.get().job_id
    assert "未写入文件 3" in done("job", "status", job_id)
    assert done("job", "write", job_id, "--out", tmp_path, "--cards", 2).count("部分") == 2
    assert "第 1 部分：2 张卡" in done("job", "write", job_id, "--out", tmp_path, "--part", 1)
    parts = sorted(tmp_path.glob("*.perso"))
    for number, part in enumerate(parts):
        back = tmp_path / f"receipt-{number}.csv"
        emulation = ("--images", tmp_path / "cards", "--receipt", back, "--spoil", 2)
        assert "模拟" in done("job", "emulate", "ICBC", part, *emulation)
        assert "未受理 0 行" in done("job", "receipt", "ICBC", back)
    assert "已制成 2" in done("job", "status", job_id)
    assert "序号 5" in done("job", "rerequest", cards[0].card_number, "--reason", "出厂检验损坏")
    done("job", "write", job_id, "--out", tmp_path)
    assert "无回执的序号：4、5" in done("job", "status", job_id)
    (last,) = set(tmp_path.glob("*.perso")) - set(parts)
    back = tmp_path / "receipt-last.csv"
    done("job", "emulate", "ICBC", last, "--images", tmp_path / "cards", "--receipt", back, "--ship")
    back.write_text(back.read_text() + "7,,,,,\n")
    told = done("job", "receipt", "ICBC", back)
    assert "受理 2 行，已知 0 行，未受理 1 行" in told
    assert "receipt-last.rejected.csv" in told
    assert "到货 10，用去 3，报废 2，剩余 5" in done("job", "status", job_id)
    assert JobCard.objects.filter(state="spoiled").count() == 2
    assert not ChipKey.objects.exists()


def test_nothing_to_make_says_so() -> None:
    make_bank()
    finished = run("job", "open", "ICBC")
    assert (finished.exit_code, "没有待个人化的卡" in finished.output) == (1, True)
    finished = run("job", "rerequest", "J0000000X", "--reason", "丢失")
    assert (finished.exit_code, "没有卡号为" in finished.output) == (1, True)


def test_cards_that_cannot_be_made_are_named_by_sequence_and_reason(tmp_path: Path) -> None:
    (card,) = made_cards(1)
    Person.objects.filter(person_id=card.person_id).update(ethnicity_code="?")
    done("job", "open", "ICBC")
    job_id = PersonalisationJob.objects.get().job_id
    told = done("job", "write", job_id, "--out", tmp_path)
    assert "没有文件" in told
    assert "序号 1 暂不能制：个人信息写不进芯片：民族" in told
    assert "序号 1 暂不能制" in done("job", "status", job_id)
    assert Card.objects.get().state == "made"


def test_a_stock_below_nothing_is_told(tmp_path: Path) -> None:
    made_cards(1)
    done("job", "open", "ICBC")
    job_id = PersonalisationJob.objects.get().job_id
    done("job", "write", job_id, "--out", tmp_path)
    (part,) = tmp_path.glob("*.perso")
    back = tmp_path / "receipt.csv"
    done("job", "emulate", "ICBC", part, "--images", tmp_path / "cards", "--receipt", back)
    assert "账面为负（-1 张）" in done("job", "receipt", "ICBC", back)
    assert "账面为负（-1 张）" in done("job", "status", job_id)
