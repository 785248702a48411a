"""The commands on cards, in one place to import from."""

from yikatong.issuance.adoption import adopt_older_cards
from yikatong.issuance.lifecycle import (
    Activation,
    activate_financial_function,
    activate_social_function,
    hand_over,
    lapse_pre_reports,
    mark_ready,
    pre_report_loss,
    report_loss,
    send_to_outlet,
    withdraw_pre_report,
)
from yikatong.issuance.personalisation import open_job, rerequest, write_part
from yikatong.issuance.production import order_production, produce_card, resume_orders
from yikatong.issuance.receipts import reconcile, take_receipt, take_receipt_file
from yikatong.issuance.stock import deliver_blanks, stock_of

__all__ = [
    "Activation",
    "activate_financial_function",
    "activate_social_function",
    "adopt_older_cards",
    "deliver_blanks",
    "hand_over",
    "lapse_pre_reports",
    "mark_ready",
    "open_job",
    "order_production",
    "pre_report_loss",
    "produce_card",
    "reconcile",
    "report_loss",
    "rerequest",
    "resume_orders",
    "send_to_outlet",
    "stock_of",
    "take_receipt",
    "take_receipt_file",
    "withdraw_pre_report",
    "write_part",
]
