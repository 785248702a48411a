"""The benchmark's arithmetic: what it reads from openssl, and that no busy machine lowers a bar."""

import pytest

from bench.gm import BaselineMissing, Samples, Speed, judge, parse_speed, run_openssl

COUNTS = """\
Doing 256 bits sign CurveSM2's for 1s: 1892 256 bits CurveSM2 signs in 0.50s
Doing 256 bits verify CurveSM2's for 1s: 2693 256 bits CurveSM2 verify in 1.00s
"""
COUNTS_OF_OPS = """\
Doing 256 bits sign CurveSM2 ops for 1s: 1892 256 bits CurveSM2 sign ops in 0.50s
Doing 256 bits verify CurveSM2 ops for 1s: 2693 256 bits CurveSM2 verify ops in 1.00s
"""
TABLE = """\
                              sign    verify    sign/s verify/s
 256 bits SM2 (CurveSM2)   0.0004s   0.0003s   2294.0   3070.7
"""


@pytest.mark.parametrize(
    ("printed", "sign", "verify"),
    [
        (COUNTS + TABLE, Speed(3784, 1892), Speed(2693, 2693)),
        (COUNTS_OF_OPS + TABLE, Speed(3784, 1892), Speed(2693, 2693)),
        (TABLE, Speed(2294, 2294), Speed(3070.7, 3070.7)),
    ],
    ids=["signs", "sign ops", "the table alone"],
)
def test_openssls_report_is_read(printed: str, sign: Speed, verify: Speed) -> None:
    assert parse_speed(printed) == {"sign": sign, "verify": verify}


def test_without_a_baseline_there_is_no_figure() -> None:
    with pytest.raises(BaselineMissing, match="says nothing of SM2"):
        parse_speed("OpenSSL 1.0.2\n")
    with pytest.raises(BaselineMissing, match="failed"):
        run_openssl("absent-command", processes=1)


def test_a_missing_command_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BaselineMissing, match="apt-get install openssl"):
        run_openssl("version", processes=1)


@pytest.mark.parametrize(
    ("ours", "two_threads", "two_processes", "ok"),
    [
        (850, 1700, 2000, True),
        (849, 1700, 2000, False),
        (850, 1699, 2000, False),
        (850, 1000, 1000, False),  # a busy machine shows nothing, so it proves nothing
    ],
)
def test_every_bar_counts(ours: float, two_threads: float, two_processes: float, ok: bool) -> None:
    figures = {
        "ours": ours,
        "openssl": 1000,
        "ours, elapsed": 1000,
        "ours, two threads": two_threads,
        "openssl, elapsed": 1000,
        "openssl, two processes": two_processes,
    }
    samples = {f"{name} {way}": Samples([per_s]) for name in ("sign", "verify") for way, per_s in figures.items()}
    assert judge(samples, 1)["ok"] is ok
    samples["verify ours"] = Samples([1, 2000, 3])
    assert judge(samples, 3)["ratio_by_operation"]["verify"] == 2
