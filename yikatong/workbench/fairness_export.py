"""The figures of fair participation as files for spreadsheets: machine headings in CSV, Chinese ones in XLSX."""

from yikatong.exports.files import Sheet, csv_pieces, workbook_pieces
from yikatong.supervision.rules import most_favoured
from yikatong.supervision.selectors import BankFigures, Report
from yikatong.supervision.words import CATEGORIES, CHANNELS, concentration_words, position_words, scale_words

type Cell = str | int | float | None
COLUMNS: tuple[tuple[str, str], ...] = (
    ("bank_code", "银行代码"),
    ("bank_name", "银行"),
    ("shown", "展示次数"),
    ("mean_position", "平均位置"),
    ("shown_first", "排在首位次数"),
    ("chosen", "选择人数"),
    ("chosen_percent", "占全部选择（%）"),
    ("chosen_per_100_shown", "每百次展示的选择"),
    ("capacity_cards", "制卡能力（张）"),
    ("load_percent", "负荷（%）"),
    ("withdrawn", "撤回或未通过"),
    ("made", "已制成"),
    ("completed", "已领到"),
    ("days_to_made_median", "制成天数中位"),
    ("days_to_made_p90", "制成天数九成"),
    ("days_to_collected_median", "领到天数中位"),
    ("days_to_collected_p90", "领到天数九成"),
    ("complaints", "收到的反映"),
    ("complaints_founded", "其中属实"),
)
POSITION_COLUMNS = ("位置", "展示的名单", "选择人数", "占比（%）", "位置不起作用时的人数", "位置不起作用时的占比（%）")


def rows_of(bank: BankFigures) -> list[Cell]:
    """One bank, in the order of ``COLUMNS``."""
    return [
        *(bank.code, bank.name_zh, bank.shown, _rounded(bank.mean_position), bank.shown_first, bank.chosen),
        *(_rounded(bank.share), _rounded(bank.chosen_when_shown), bank.capacity, _rounded(bank.load)),
        *(bank.withdrawn, bank.made, bank.completed, bank.made_median, bank.made_slow),
        *(bank.collected_median, bank.collected_slow, bank.complaints, bank.complaints_founded),
    ]


def csv_of(report: Report) -> bytes:
    """The banks."""
    return b"".join(csv_pieces([[name for name, _ in COLUMNS], *map(rows_of, report.banks)]))


def xlsx_of(report: Report) -> bytes:
    """Three sheets: what is shown and what it means, the banks, the positions."""
    positions = [
        [row.position, row.shown, row.chosen, *map(_rounded, (row.share, row.expected, row.expected_share))]
        for row in report.positions
    ]
    sheets = [
        Sheet("说明", _about(report), has_head=False, widths=(16, 100)),
        Sheet("银行", [[heading for _, heading in COLUMNS], *map(rows_of, report.banks)], columns_kept=2),
        Sheet("位置", [POSITION_COLUMNS, *positions], columns_kept=1),
    ]
    return b"".join(workbook_pieces(sheets))


def _about(report: Report) -> list[list[str]]:
    filters = report.filters
    return [
        ["期间", f"{filters.first} 至 {filters.last}"],
        ["区", filters.district_code or "全市"],
        ["参保类别", str(CATEGORIES[filters.category]) if filters.category else "全部"],
        ["渠道", str(CHANNELS[filters.channel]) if filters.channel else "全部"],
        ["集中度", concentration_words(report.concentration)],
        ["尺度", scale_words()],
        ["位置检验", position_words(report.test, favoured=most_favoured(report.positions))],
        ["口径", "申请按提交日期统计，之后制成和领到的卡计入提交的那一天；制卡能力不分参保类别和渠道。"],
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
