"""The file of kept payments: there after the process, its owner's only, told when damaged."""

import stat
from pathlib import Path

import pytest

from yikatong.terminal.reader_api.kept_payments import KeptPayment, KeptPayments, KeptPaymentsDamaged

PAYMENT = KeptPayment("AB" * 16, "8.00|8.00|20261124090000|", 7, "110000000042", "00000007", b"before")


def test_an_open_payment_outlives_the_process_and_its_answer_too(tmp_path: Path) -> None:
    path = tmp_path / "payments"
    KeptPayments(path).keep(PAYMENT)
    again = KeptPayments(path)
    assert again.open_of(PAYMENT.identification) == PAYMENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    answered = KeptPayment(*(getattr(PAYMENT, name) for name in PAYMENT.__struct_fields__[:-1]), "03|00B5|")
    again.keep(answered)
    last = KeptPayments(path)
    assert last.open_of(PAYMENT.identification) is None
    assert last.find(PAYMENT.identification, PAYMENT.pay_info) == answered


@pytest.mark.parametrize("octets", [b"{", b"[1]", b'[{"identification": 5}]'])
def test_a_damaged_file_is_told_and_left_as_it_is(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "payments"
    path.write_bytes(octets)
    path.chmod(0o600)
    with pytest.raises(KeptPaymentsDamaged):
        KeptPayments(path)
    assert path.read_bytes() == octets
