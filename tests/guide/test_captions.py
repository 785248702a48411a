"""WebVTT captions: what is taken, and where what is wrong stands."""

import pytest

from yikatong.guide.captions import BadCaptions, CaptionFault, Cue, parse_captions

GOOD = """WEBVTT 说明

NOTE 译者：某人

1
00:00.000 --> 00:02.500
先登录。

00:02.500 --> 01:00:03.000 line:90%
再点
“启用新卡”。
"""


def test_cues() -> None:
    assert parse_captions(GOOD) == [Cue(0, 2500, "先登录。"), Cue(2500, 3_603_000, "再点\n“启用新卡”。")]
    assert parse_captions("\ufeff" + GOOD.replace("\n", "\r\n")) == parse_captions(GOOD)


@pytest.mark.parametrize(
    ("text", "fault", "line"),
    [
        ("", CaptionFault.NOT_WEBVTT, 1),
        ("1\n00:00:01,000 --> 00:00:02,000\nsrt", CaptionFault.NOT_WEBVTT, 1),
        ("WEBVTTX", CaptionFault.NOT_WEBVTT, 1),
        ("WEBVTT\n", CaptionFault.NO_CUE, 2),
        ("WEBVTT\n\n00:01.000 -> 00:02.000\na", CaptionFault.BAD_TIMING, 4),
        ("WEBVTT\n\n00:61.000 --> 00:62.000\na", CaptionFault.BAD_TIMING, 3),
        ("WEBVTT\n\nonly a name", CaptionFault.BAD_TIMING, 4),
        ("WEBVTT\n\n00:02.000 --> 00:01.000\na", CaptionFault.ENDS_BEFORE_START, 3),
        (
            "WEBVTT\n\n00:05.000 --> 00:06.000\na\n\n00:01.000 --> 00:02.000\nb",
            CaptionFault.OUT_OF_ORDER,
            6,
        ),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\n \n", CaptionFault.EMPTY_CUE, 3),
        ("WEBVTT\n\nSTYLE\n::cue { color: transparent }", CaptionFault.STYLED, 3),
        ("WEBVTT" + "\n" * 200_001, CaptionFault.TOO_LONG, 0),
    ],
)
def test_faults(text: str, fault: CaptionFault, line: int) -> None:
    with pytest.raises(BadCaptions) as raised:
        parse_captions(text)
    assert (raised.value.fault, raised.value.line) == (fault, line)
