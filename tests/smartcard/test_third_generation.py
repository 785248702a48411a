"""A card's contents on their way into it: names of every length, groupings whole or not at all, once."""

from dataclasses import replace

import pytest

from tests.smartcard.makers import CONTENTS, HISTORICAL, made_card, send
from tests.smartcard.power import PowerCut, TornMedium
from yikatong.smartcard.dgi import Grouping, GroupingsMalformed
from yikatong.smartcard.memory import Memory, MemoryDamaged, VolatileMedium
from yikatong.smartcard.ssse_layout import ItemWrong, Version, holder_items
from yikatong.smartcard.third_generation import name_in_chip, open_card, social_groupings, write_groupings


@pytest.mark.parametrize(
    "name", ["王伟", "欧阳测试员", "阿卜杜热西提·麦麦提依明江·试", "買買提" * 8, "Anna Maria Testperson", "㐂𠮷"]
)
def test_a_name_is_read_back_from_both_its_items(name: str) -> None:
    card = made_card(contents=replace(CONTENTS, name=name))
    send(card, "00A404000F 7378312E73682EC9E7BBE1B1A3D5CF")
    card.rights.add("SSSE:RK")
    items = holder_items(Version.V3)
    parts = [
        items[number - 1].decode(
            bytes.fromhex(send(card, f"00B2 {number:02X} 34 {items[number - 1].length + 2:02X}"))[:-2]
        )
        for number in (2, 3)
    ]
    assert "".join(parts) == name


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("张三", ("张三", "", "")),
        ("𠮷·田", ("𠮷·田", "", "")),
        ("阿卜杜热合曼·买买提·艾合买提江·依力", ("阿卜杜热合曼·买买提·艾合买提", "江·依力", "")),
        ("𠮷" * 13, ("𠮷" * 7, "𠮷" * 5, "𠮷")),
        ("長" * 26, ("長" * 15, "長" * 10, "長")),
    ],
)
def test_a_name_is_cut_between_characters_where_the_chip_ends(name: str, pieces: tuple[str, str, str]) -> None:
    assert name_in_chip(name) == pieces
    social_groupings(replace(CONTENTS, name=name), HISTORICAL)


def test_a_card_of_the_first_generation_has_no_room_for_a_long_name() -> None:
    with pytest.raises(ItemWrong, match=r"1\.00"):
        social_groupings(replace(CONTENTS, name="長" * 16), HISTORICAL, Version.V1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"card_number": "J0000001XX"}, "卡号"),
        ({"identification_code": "XY"}, "卡的识别码"),
        ({"ethnicity_code": "汉"}, "民族"),
    ],
)
def test_a_value_that_does_not_fit_names_its_item_and_not_itself(change: dict[str, str], says: str) -> None:
    with pytest.raises(ItemWrong, match=says) as caught:
        social_groupings(replace(CONTENTS, **change), HISTORICAL)  # type: ignore[arg-type]
    assert all(value not in str(caught.value) for value in change.values())


def test_an_empty_card_is_no_card_yet_and_a_made_one_is_not_made_again() -> None:
    medium = VolatileMedium()
    with pytest.raises(MemoryDamaged, match="empty"):
        open_card(medium)
    groupings = social_groupings(CONTENTS, HISTORICAL)
    write_groupings(Memory(medium), groupings)
    with pytest.raises(GroupingsMalformed, match="already"):
        write_groupings(Memory(medium), groupings)
    assert open_card(medium).power_on().hex().upper() == "3B6D0000" + HISTORICAL.hex().upper()


def test_an_unknown_grouping_leaves_the_card_blank() -> None:
    medium = VolatileMedium()
    with pytest.raises(GroupingsMalformed, match="7F01"):
        write_groupings(Memory(medium), [*social_groupings(CONTENTS, HISTORICAL), Grouping(0x7F01, b"")])
    assert Memory(medium).cells() == {}


def test_power_cut_while_a_card_is_made_leaves_it_blank_or_made() -> None:
    groupings = social_groupings(CONTENTS, HISTORICAL)
    whole = VolatileMedium()
    write_groupings(Memory(whole), groupings)
    journal = VolatileMedium()
    Memory(journal)
    start = len(journal.read())
    for cut in range(len(whole.read()) - start):
        torn = TornMedium(journal.read(), bytes_left=cut)
        with pytest.raises(PowerCut):
            write_groupings(Memory(torn), groupings)
        again = VolatileMedium(torn.read())
        assert Memory(again).cells() == {}, f"after {cut} bytes"
