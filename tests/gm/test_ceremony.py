"""A root key from components: all of them needed, none of them telling, and check values that openssl agrees with."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.gm.conftest import OpenSsl
from yikatong.gm.ceremony import (
    CeremonyRefused,
    Component,
    check_value,
    combine,
    fresh_values,
    make_component,
    read_component,
    write_component,
)

AT = datetime(2026, 11, 24, 8, 15, tzinfo=UTC)
ONE, TWO, THREE = (bytes.fromhex(digits * 8) for digits in ("0F1E", "A5C3", "7788"))


def part(number: int, value: bytes, of: int = 3, name: str = "root") -> Component:
    return make_component({name: value}, number=number, of=of, at=AT)


def test_a_check_value_begins_what_openssl_makes_of_zeros(openssl: OpenSsl) -> None:
    made = openssl("enc", "-sm4-ecb", "-nopad", "-K", ONE.hex(), stdin=bytes(16))
    assert check_value(ONE) == made[:3].hex().upper()


def test_the_key_is_the_sum_of_all_components_in_any_order() -> None:
    expected = {"root": bytes.fromhex("dd55" * 8)}  # 0F1E ^ A5C3 ^ 7788
    parts = [part(1, ONE), part(2, TWO), part(3, THREE)]
    assert combine(parts) == combine(parts[::-1]) == expected


def test_all_but_one_component_make_no_key_and_another_component_another_key() -> None:
    with pytest.raises(CeremonyRefused, match="还缺第 2 份分量（共 3 份）"):
        combine([part(1, ONE), part(3, THREE)])
    others = [combine([part(1, ONE), part(2, TWO), part(3, bytes((last,)) * 16)])["root"] for last in range(1, 9)]
    assert len(set(others)) == 8


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], "没有分量"),
        ([part(1, ONE)], "还缺第 2、3 份"),
        ([part(1, ONE), part(2, TWO), part(2, TWO), part(3, THREE)], "给了两次"),
        ([part(1, ONE), part(2, TWO, of=2), part(3, THREE)], "总份数不同"),
        ([part(1, ONE), part(2, TWO, name="other"), part(3, THREE)], "所含密钥不同"),
        ([part(1, ONE), part(2, TWO), part(3, TWO)], "root 有两份分量相同"),
        (
            [part(1, ONE), part(2, TWO), part(3, bytes(a ^ b for a, b in zip(ONE, TWO, strict=True)))],
            "root 的各分量互相抵消",
        ),
    ],
)
def test_components_that_make_no_key_are_refused(parts: list[Component], words: str) -> None:
    with pytest.raises(CeremonyRefused, match=words):
        combine(parts)


@pytest.mark.parametrize(("number", "of"), [(0, 2), (3, 2), (1, 1), (1, 10)])
def test_a_ceremony_has_two_to_nine_components(number: int, of: int) -> None:
    with pytest.raises(CeremonyRefused, match="2 至 9 份"):
        part(number, ONE, of=of)


def test_a_component_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "first.json"
    made = make_component(fresh_values(["root", "other"]), number=1, of=2, at=AT)
    write_component(path, made)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_component(path) == made
    assert len(set(made.values.values())) == 2


def test_a_component_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "first.json"
    write_component(path, part(1, ONE))
    with pytest.raises(CeremonyRefused, match="从不覆盖"):
        write_component(path, part(1, TWO))
    assert read_component(path) == part(1, ONE)
    with pytest.raises(CeremonyRefused, match="不能写"):
        write_component(tmp_path / "nowhere" / "first.json", part(1, ONE))


def test_a_component_that_others_may_have_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "first.json"
    write_component(path, part(1, ONE))
    path.chmod(0o640)
    with pytest.raises(CeremonyRefused, match=r"0640.*可能已泄露"):
        read_component(path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("0F1E", "0F1F", "root 的校验值不对"),
        ("0F1E", "XXXX", "不是分量文件"),
        ('"of": 3', '"of": 10', "不是分量文件"),
        ("{", "", "不是分量文件"),
    ],
)
def test_a_damaged_component_is_refused_without_showing_it(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "first.json"
    write_component(path, part(1, ONE))
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(CeremonyRefused, match=words) as caught:
        read_component(path)
    assert ONE.hex().upper()[4:] not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CeremonyRefused, match="不能读"):
        read_component(tmp_path / "absent.json")


def test_a_component_does_not_show_itself() -> None:
    assert ONE.hex().upper() not in repr(part(1, ONE))
