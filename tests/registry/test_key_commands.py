"""The keys' commands as custodians and operators give them."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.gm.hsm import make_token
from tests.smartcard.makers import HISTORICAL
from yikatong.audit.models import AuditEvent
from yikatong.foundation.errors import YikatongError
from yikatong.gm.ceremony import CeremonyRefused, check_value, combine, read_component
from yikatong.gm.keystore import KeyStoreError, KeyUnknown
from yikatong.registry.card_keys import PsamRefused
from yikatong.registry.key_commands import keys
from yikatong.registry.sealing import key_store
from yikatong.smartcard.card_roots import ROOT_NAMES
from yikatong.smartcard.memory import FileMedium
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.ssse_sam import open_sam
from yikatong.smartcard.ssse_security import card_key, cryptogram

READ, PURCHASE = "card-root/0A", "card-root/20"
TERMINAL = "110000000042"

pytestmark = pytest.mark.usefixtures("db")


def run(*arguments: object, typed: str = "") -> Result:
    return CliRunner().invoke(keys, [str(argument) for argument in arguments], input=typed, catch_exceptions=False)


def make_components(folder: Path, *options: str, of: int = 3) -> list[Path]:
    files = []
    for number in range(1, of + 1):
        path = folder / f"file-{len(list(folder.iterdir()))}.json"
        assert run("component", "--number", number, "--of", of, "--out", path, *options).exit_code == 0
        files.append(path)
    return files


def combined(files: list[Path]) -> dict[str, bytes]:
    return combine([read_component(path) for path in files])


def expected_options(files: list[Path]) -> list[str]:
    return [f"--check-value={name}={check_value(value)}" for name, value in combined(files).items()]


def hold(files: list[Path], command: str = "ceremony") -> Result:
    return run(command, *files, *expected_options(files))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ceremony"
    made.mkdir()
    return made


def events(action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action).order_by("event_id"))


def test_a_component_is_in_its_own_file_and_only_its_check_values_are_shown(folder: Path) -> None:
    path = folder / "first.json"
    done = run("component", "--number", 1, "--of", 3, "--out", path)
    component = read_component(path)
    assert "共 3 份分量中的第 1 份" in done.output
    assert tuple(component.values) == ROOT_NAMES
    for name, value in component.values.items():
        assert f"{name:14} 校验值 {check_value(bytes.fromhex(value))}" in done.output
        assert value not in done.output
    with pytest.raises(CeremonyRefused, match="从不覆盖"):
        run("component", "--number", 1, "--of", 3, "--out", path)


def test_a_ceremony_stores_every_root_once_its_check_value_is_typed(folder: Path) -> None:
    files = make_components(folder)
    roots = combined(files)
    typed = "".join(f"{check_value(value).lower()}\n" for value in roots.values())
    done = run("ceremony", *files, typed=typed)
    assert done.exit_code == 0, done.output
    assert {name: key_store().current(name) for name in ROOT_NAMES} == {name: (1, roots[name]) for name in ROOT_NAMES}
    assert "已存入 card-root/06/1、" in done.output
    assert not any(value.hex().upper() in done.output.upper() for value in roots.values())
    stored = {event.subject: event.details for event in events("keys.root_stored")}
    assert stored == {
        f"key:{name}/1": {"check_value": check_value(value), "components": 3} for name, value in roots.items()
    }


@pytest.mark.parametrize("answer", ["000000\n", ""])
def test_nothing_is_stored_without_the_right_check_values(folder: Path, answer: str) -> None:
    files = make_components(folder, "--key", READ, "--key", PURCHASE)
    first = f"--check-value={READ}={check_value(combined(files)[READ])}"
    if answer:
        with pytest.raises(CeremonyRefused, match=f"{PURCHASE} 的校验值是 .*没有存入任何密钥"):
            run("ceremony", *files, first, typed=answer)
    else:
        assert run("ceremony", *files, first).exit_code == 1, "nobody there to confirm"
    with pytest.raises(KeyUnknown):
        key_store().current(READ)
    assert events("keys.root_stored") == []


def test_a_check_value_for_another_key_is_refused(folder: Path) -> None:
    files = make_components(folder, "--key", READ)
    with pytest.raises(CeremonyRefused, match="card-root/21 不在这次的密钥里"):
        run("ceremony", *files, "--check-value=card-root/21=000000")


def test_components_may_be_typed(folder: Path) -> None:
    parts = ["0F1E" * 8, "a5c3 " * 8]
    checks = [check_value(bytes.fromhex(part)) for part in parts]
    root = bytes.fromhex("AADD" * 8)
    typed = f"{parts[0]}\ny\n12 34\n{parts[1]}\ny\n{check_value(root)}\n"
    done = run("ceremony", "--enter", 2, "--key", READ, typed=typed)
    assert done.exit_code == 0, done.output
    assert "应是 32 位十六进制数" in done.output
    assert all(f"校验值 {check}，与保管人的记录一致" in done.output for check in checks)
    assert "0F1E0F1E" not in done.output
    assert key_store().current(READ) == (1, root)


def test_a_typed_component_that_the_custodian_does_not_recognise_ends_the_ceremony() -> None:
    with pytest.raises(CeremonyRefused, match=f"第 1 份 {READ} 的校验值与记录不一致"):
        run("ceremony", "--enter", 2, "--key", READ, typed="0F1E" * 8 + "\nn\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "请给出各保管人的分量文件"),
        (["--enter", "2", "some.json"], "不能同时"),
        (["--enter", "1"], "1 is not in the range"),
    ],
)
def test_a_ceremony_needs_components_from_one_side(arguments: list[str], words: str) -> None:
    done = run("ceremony", *arguments)
    assert done.exit_code == 2
    assert words in done.output


def test_a_root_is_never_overwritten_and_only_rotated_when_there(folder: Path) -> None:
    first, second = (make_components(folder, "--key", READ) for _ in range(2))
    with pytest.raises(CeremonyRefused, match=r"还不存在.*keys ceremony"):
        hold(first, "rotate")
    assert hold(first).exit_code == 0
    with pytest.raises(CeremonyRefused, match=r"已经存在.*keys rotate"):
        hold(second)
    with pytest.raises(CeremonyRefused, match="与已有的版本相同"):
        hold(first, "rotate")
    assert "已存入 card-root/0A/2" in hold(second, "rotate").output
    assert [key_store().get(READ, number) for number in (1, 2)] == [combined(first)[READ], combined(second)[READ]]
    assert [event.subject for event in events("keys.root_rotated")] == ["key:card-root/0A/2"]
    with pytest.raises(CeremonyRefused, match="与已有的版本相同"):
        hold(first, "rotate")


def test_rotating_roots_leaves_the_key_of_personal_data_alone(folder: Path) -> None:
    before = key_store().key_ids("field")
    hold(make_components(folder, "--key", READ))
    hold(make_components(folder, "--key", READ), "rotate")
    assert key_store().key_ids("field") == before
    done = run("rotate", *make_components(folder, "--key", READ), "--new-key")
    assert done.exit_code == 2
    assert "不能与分量同用" in done.output


def test_components_for_other_keys_are_refused(folder: Path) -> None:
    from yikatong.foundation.clock import utc_now
    from yikatong.gm.ceremony import fresh_values, make_component, write_component

    files = [folder / f"{number}.json" for number in (1, 2)]
    for number, path in enumerate(files, 1):
        write_component(path, make_component(fresh_values(["field"]), number=number, of=2, at=utc_now()))
    with pytest.raises(CeremonyRefused, match="field 不是卡根密钥的名称"):
        hold(files, "rotate")


def test_the_list_shows_check_values_of_roots_and_no_key(folder: Path) -> None:
    hold(make_components(folder, "--key", READ))
    hold(make_components(folder, "--key", READ), "rotate")
    key_store().ensure(sm2=("root-ca",))
    done = run("list")
    lines = [line.split() for line in done.output.splitlines()]
    by_name = {line[0]: line for line in lines}
    for number in (1, 2):
        assert by_name[f"card-root/0A/{number}"][4] == check_value(key_store().get(READ, number))
    assert ["当前" in line for line in lines if line[0].startswith("card-root")] == [False, True]
    assert by_name["root-ca"][-1] == key_store().sm2_key("root-ca").public.compressed.hex()
    assert "校验值" not in by_name["field/1"], "it would show a part of GCM's own secret"
    secrets = [key_store().get(READ, 1), key_store().get(READ, 2), key_store().current("field")[1]]
    secrets.append(key_store().sm2_key("root-ca").scalar)
    assert not any(secret.hex().upper() in done.output.upper() for secret in secrets)


def test_a_pilots_keys_move_into_an_hsm(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold(make_components(folder, "--key", READ))
    before = (key_store().current(READ), key_store().current("field"))
    sealed = tmp_path / "sealed.json"
    with pytest.raises(KeyStoreError, match="YIKATONG_HSM must be pkcs11:"):
        run("seal", "--out", sealed)
    address = make_token(tmp_path / "hsm", monkeypatch)
    text = f"pkcs11:token={address.token}?module-path={address.module}&pin-source=file:{address.pin_file}"
    monkeypatch.setenv("YIKATONG_HSM", text)
    assert f"已写入 {sealed}：3 把密钥" in run("seal", "--out", sealed).output
    monkeypatch.setenv("YIKATONG_KEYS", str(sealed))
    assert (key_store().current(READ), key_store().current("field")) == before
    assert f"校验值 {check_value(before[0][1])}" in run("list").output


def cryptogram_of(image: Path, number: int) -> bytes:
    """What the PSAM answers for one card, over the wire."""
    sam = open_sam(FileMedium(image))
    sam.power_on()
    factors = HISTORICAL[5:13] + b"110000sx" + b"110000sh"
    answer = b""
    for command in (
        bytes.fromhex("00A4040C06D15600000590"),
        bytes.fromhex("BFEC00000111"),
        bytes.fromhex(f"BFDE01{number:02X}20") + factors + b"\x11" * 8,
        bytes.fromhex("80FA000008") + b"\x22" * 8,
    ):
        answer = sam.transmit(command)
        assert answer[-2:-1] in (b"\x90", b"\x61"), answer.hex()
    if answer[0] == 0x61:
        answer = sam.transmit(bytes((0x00, 0xC0, 0, 0, answer[1])))
    return answer[:-2]


def test_a_psam_answers_as_the_cards_of_the_roots_expect(folder: Path, tmp_path: Path) -> None:
    files = make_components(folder)
    hold(files)
    image = tmp_path / "psam.img"
    done = run("psam", "--terminal", TERMINAL, "--out", image)
    assert done.exit_code == 0, done.output
    assert image.stat().st_mode & 0o777 == 0o600
    master = combined(files)[READ]
    expected = cryptogram(card_key(master, "110000", HISTORICAL), b"\x11" * 8, b"\x22" * 8)
    assert cryptogram_of(image, Key.READ) == expected
    cells = open_sam(FileMedium(image)).memory.cells()
    assert cells["PSAM/0016"].hex() == TERMINAL
    assert sorted(name for name in cells if "key" in name) == ["PSAM/key/08", "PSAM/key/0A"]
    (event,) = events("psam.written")
    assert (event.subject, event.actor) == (f"terminal:{TERMINAL}", "system:command line")
    assert event.details == {
        "serial": cells["PSAM/0015"][1:11].hex(),
        "keys": {name: check_value(combined(files)[name]) for name in ("card-root/08", READ)},
    }
    assert event.details["serial"] in done.output
    assert not any(value.hex().upper() in done.output.upper() for value in combined(files).values())


def test_only_a_tills_psam_holds_the_root_of_purchases(folder: Path, tmp_path: Path) -> None:
    hold(make_components(folder))
    image = tmp_path / "till.img"
    run("psam", "--terminal", TERMINAL, "--out", image, "--purchase")
    cells = open_sam(FileMedium(image)).memory.cells()
    assert sorted(name for name in cells if "key" in name) == ["PSAM/key/08", "PSAM/key/0A", "PSAM/key/20"]


def test_a_gates_psam_takes_money_from_purses_and_loads_none(folder: Path, tmp_path: Path) -> None:
    files = make_components(folder)
    hold(files)
    image = tmp_path / "gate.img"
    run("psam", "--terminal", TERMINAL, "--out", image, "--transit")
    cells = open_sam(FileMedium(image)).memory.cells()
    assert sorted(name for name in cells if "key" in name) == ["PSAM/key/08", "PSAM/key/0A", "TUSAM/key/03"]
    assert cells["TUSAM/key/03"] == combined(files)["purse-root/01"]
    (event,) = events("psam.written")
    assert event.details["keys"]["purse-root/01"] == check_value(combined(files)["purse-root/01"])


def test_a_psam_for_older_cards_has_the_older_roots(folder: Path, tmp_path: Path) -> None:
    first, second = make_components(folder), make_components(folder)
    hold(first)
    hold(second, "rotate")
    for version, files in ((1, first), (None, second)):
        image = tmp_path / f"{version}.img"
        run("psam", "--terminal", TERMINAL, "--out", image, *(["--key-version", version] if version else []))
        assert open_sam(FileMedium(image)).memory.cells()["PSAM/key/0A"] == combined(files)[READ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"--terminal": "42"}, "终端号应是 12 位数字，不是“42”"),
        ({"--terminal": "１１００００００００４２"}, "终端号应是 12 位数字"),
        ({"--region": "11"}, "行政区划代码应是 6 位数字"),
        ({"--key-version": 7}, "没有齐全的第 7 版根密钥"),
        ({"--out": "nowhere/psam.img"}, "不能写 .*nowhere"),
        ({"--out": "there.img"}, "从不覆盖"),
    ],
)
def test_a_psam_that_cannot_be_written_leaves_no_trace(
    folder: Path, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    hold(make_components(folder))
    (tmp_path / "there.img").write_text("another")
    chosen = {"--terminal": TERMINAL, "--out": "psam.img"} | options
    chosen["--out"] = tmp_path / chosen["--out"]
    with pytest.raises(PsamRefused, match=words):
        run("psam", *(part for option in chosen.items() for part in option))
    assert events("psam.written") == []
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".img"] == ["there.img"]
    assert (tmp_path / "there.img").read_text() == "another"


def test_a_psam_cut_short_is_taken_away_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def disk_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    hold(make_components(folder))
    image = tmp_path / "psam.img"
    with monkeypatch.context() as patch:
        patch.setattr(FileMedium, "append", disk_full)
        with pytest.raises(PsamRefused, match=r"不能写 .*psam.img：No space left"):
            run("psam", "--terminal", TERMINAL, "--out", image)
    assert not image.exists()
    assert events("psam.written") == []
    assert run("psam", "--terminal", TERMINAL, "--out", image).exit_code == 0


def test_a_psam_needs_roots(tmp_path: Path) -> None:
    with pytest.raises(YikatongError, match=r"需要 card-root/08、card-root/0A.*yikatong keys ceremony"):
        run("psam", "--terminal", TERMINAL, "--out", tmp_path / "psam.img")
    assert not (tmp_path / "psam.img").exists()
