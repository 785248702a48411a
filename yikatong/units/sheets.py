"""Files that a unit takes away: the template of a roster, and the bad rows of one.

openpyxl is loaded only where the template is made: most processes make none.
"""

import io
import json
from collections.abc import Iterator, Sequence

from yikatong.exports.files import csv_pieces
from yikatong.registry.sealing import field_cipher
from yikatong.units.checking import CELLS_FIELD
from yikatong.units.models import Roster, RosterRow
from yikatong.units.reading import SHEET_NAME
from yikatong.units.rows import COLUMNS, REPORT_COLUMNS

TEMPLATE_ROWS = (
    5_000  # so far down are the cells text and the banks a list to pick from; more rows may be filled in all the same
)
_WIDTHS = (14, 24, 26, 30)
_BANKS_SHEET = "本单位可选银行"
_TEXT_FORMAT = "@"
INSTRUCTIONS = (
    ("用途", "填写本单位申领第三代社会保障卡人员的名册，在“名册”页从第 2 行起每人一行，表头不要改动。"),
    ("姓名", "与身份证一致；复姓、间隔号“·”照写。"),
    ("证件号码", "18 位身份证号码。本列已设为“文本”格式，请勿改为数字，否则后三位会变成 0。"),
    ("所选银行", "填写本人自己选择的银行，可从下拉列表中选。本人还没有选择的请留空：系统和单位都不替任何人默认选择。"),
    ("备注", "可不填，不超过 100 字，只供单位自己核对，上传后不使用。"),
    ("不要填写", "公式、宏、合并单元格都不会被采用。未满十八周岁的、已退休的人员不列入名册。"),
    ("上传以后", "先看到检查结果：能采用多少行、哪些行有什么问题。确认之后才会生效；有问题的行可下载，改好后再上传。"),
    ("大名册", "最多 1,000,000 行、64 MB，可用 .xlsx 或 CSV（UTF-8 或 GB18030）。"),
)


def template_workbook(bank_names: Sequence[str]) -> bytes:
    """The template with instructions and, for the bank column, a list of the unit's banks in the order drawn for it."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.worksheet.datavalidation import DataValidation

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = SHEET_NAME
    sheet.append(list(COLUMNS))
    for column, width in zip("ABCD", _WIDTHS, strict=True):
        sheet.column_dimensions[column].width = width
        sheet.column_dimensions[column].number_format = _TEXT_FORMAT
        head = sheet[f"{column}1"]
        head.font, head.fill = Font(bold=True, color="FFFFFF"), PatternFill("solid", fgColor="0A5EA8")
    for row in range(2, 502):
        sheet.cell(row, 2).number_format = _TEXT_FORMAT
    sheet.freeze_panes = "A2"
    help_sheet = book.create_sheet("填写说明")
    help_sheet.column_dimensions["A"].width, help_sheet.column_dimensions["B"].width = 14, 90
    for title, text in INSTRUCTIONS:
        help_sheet.append([title, text])
        help_sheet.cell(help_sheet.max_row, 1).font = Font(bold=True)
        help_sheet.cell(help_sheet.max_row, 2).alignment = Alignment(wrap_text=True, vertical="top")
    banks_sheet = book.create_sheet(_BANKS_SHEET)
    banks_sheet.append([f"{_BANKS_SHEET}（次序为当日随机抽定，不分先后）"])
    for name in bank_names:
        banks_sheet.append([name])
    banks_sheet.column_dimensions["A"].width = 40
    if bank_names:
        allowed = f"='{_BANKS_SHEET}'!$A$2:$A${len(bank_names) + 1}"
        validation = DataValidation(type="list", formula1=allowed, allow_blank=True, showErrorMessage=True)
        validation.errorTitle, validation.error = "不是本单位选定的银行", "请从下拉列表中选择；本人还没有选择的请留空。"
        sheet.add_data_validation(validation)
        validation.add(f"C2:C{TEMPLATE_ROWS}")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def template_csv() -> bytes:
    """The header alone."""
    return b"".join(csv_pieces([COLUMNS]))


def bad_row_table(roster: Roster) -> Iterator[tuple[str, ...]]:
    """The header and every row that is not taken, with its line and reasons, as it was."""
    yield (*REPORT_COLUMNS, *COLUMNS)
    cipher = field_cipher()
    found = RosterRow.objects.filter(roster=roster).exclude(reasons="").order_by("line")
    for row in found.iterator(chunk_size=2_000):
        cells = json.loads(cipher.open(CELLS_FIELD, bytes(row.cells_sealed))) if row.cells_sealed else []
        as_it_was, cells = ("", cells) if len(cells) == len(COLUMNS) else ("".join(cells), [""] * len(COLUMNS))
        yield (str(row.line), row.reasons, row.problem, as_it_was, *cells)
