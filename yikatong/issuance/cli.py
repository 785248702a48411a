"""Commands for cards: jobs for the banks' card bureaus, their receipts, and blank cards."""

from pathlib import Path
from uuid import UUID

import click

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now

_BY = Actor.system("command line")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def issuance() -> None:
    """Cards: what the banks' card bureaus are to make, and what they made."""


@issuance.group()
def job() -> None:
    """Personalisation jobs: open one, write its files, take the receipts."""


@issuance.group()
def blanks() -> None:
    """Blank cards at the bureaus."""


@job.command("open")
@click.argument("bank_code")
@click.option("--limit", type=click.IntRange(min=1), default=100_000, show_default=True, help="At most so many cards.")
def open_(bank_code: str, limit: int) -> None:
    """Take the cards of a bank that wait for their chips into a new job."""
    from yikatong.issuance.personalisation import open_job
    from yikatong.issuance.receipts import reconcile

    opened = open_job(bank_code, limit=limit, by=_BY, at=utc_now())
    if opened is None:
        raise click.ClickException(f"{bank_code} 没有待个人化的卡")
    click.echo(f"{opened.job_id}：{reconcile(opened.job_id).cards:,} 张卡")


@job.command()
@click.argument("job_id", type=click.UUID)
@click.option("--out", type=_FOLDER, required=True, help="The folder for the sealed files.")
@click.option("--part", type=click.IntRange(min=1), help="Write this part once more instead of the next ones.")
@click.option("--cards", type=click.IntRange(min=1), help="How many cards a file holds.")
def write(job_id: UUID, out: Path, part: int | None, cards: int | None) -> None:
    """Write the parts of a job that are not written; an interrupted writing goes on."""
    from yikatong.issuance.personalisation import PART_CARDS, write_part

    while written := write_part(job_id, out, by=_BY, at=utc_now(), part=part, cards=cards or PART_CARDS):
        click.echo(f"第 {written.part} 部分：{written.records:,} 张卡，{written.path or '没有文件'}")
        for sequence, reason in written.held:
            click.echo(f"  序号 {sequence} 暂不能制：{reason}", err=True)
        if part is not None:
            return


@job.command()
@click.argument("bank_code")
@click.argument("path", type=_FILE)
def receipt(bank_code: str, path: Path) -> None:
    """Take a receipt file from a bank's bureau; rows that cannot be taken go to PATH's .rejected.csv with their reasons."""
    from yikatong.issuance.receipts import take_receipt_file

    report, rejected = take_receipt_file(path, bank_code=bank_code, by=_BY, at=utc_now())
    click.echo(f"受理 {report.taken:,} 行，已知 {report.repeated:,} 行，未受理 {len(report.rejected):,} 行")
    if rejected is not None:
        click.echo(f"未受理的行及原因：{rejected}")
    click.echo(f"空白卡剩余 {report.stock.left:,} 张")
    if report.stock.warning:
        click.echo(report.stock.warning, err=True)


@job.command()
@click.argument("job_id", type=click.UUID)
def status(job_id: UUID) -> None:
    """Show where every card of a job is, and which the bureau has said nothing of."""
    from yikatong.issuance.receipts import reconcile
    from yikatong.issuance.stock import stock_of

    found = reconcile(job_id)
    click.echo(
        f"任务 {found.job_id}（{found.bank_code}），{'已完成' if found.is_closed else '进行中'}：{found.cards:,} 张卡"
    )
    click.echo(
        f"未写入文件 {found.unwritten:,}，暂不能制 {len(found.held):,}，无回执 {len(found.missing):,}，"
        f"已制成 {found.made:,}，已发出 {found.shipped:,}，已注销不再制 {found.written_off:,}；"
        f"报废空白卡 {found.spoiled_blanks:,}"
    )
    for sequence, reason in found.held:
        click.echo(f"  序号 {sequence} 暂不能制：{reason}")
    if found.missing:
        click.echo(f"  无回执的序号：{'、'.join(map(str, found.missing))}")
    if not found.adds_up:
        raise click.ClickException("各项之和与卡数不符，请核对")
    stock = stock_of(found.bank_code)
    click.echo(f"空白卡：到货 {stock.delivered:,}，用去 {stock.used:,}，报废 {stock.spoiled:,}，剩余 {stock.left:,}")
    if stock.warning:
        click.echo(stock.warning, err=True)


@job.command()
@click.argument("card_number")
@click.option("--reason", required=True, help="Why, for the audit trail.")
def rerequest(card_number: str, reason: str) -> None:
    """Ask the bureau for a card again, with a new key and certificate; the old blank counts as spoiled."""
    from yikatong.issuance.personalisation import rerequest as ask_again
    from yikatong.issuance.selectors import card_by_number

    card = card_by_number(card_number)
    if card is None:
        raise click.ClickException(f"没有卡号为 {card_number} 的卡")
    again = ask_again(card.card_id, reason, by=_BY, at=utc_now())
    click.echo(f"任务 {again.job_id} 序号 {again.sequence}，写入下一部分")


@job.command()
@click.argument("bank_code")
@click.argument("path", type=_FILE)
@click.option("--images", type=_FOLDER, required=True, help="The folder for card images; they hold keys in clear.")
@click.option("--receipt", "out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--spoil", type=int, multiple=True, help="A sequence number to spoil; may be given several times.")
@click.option("--ship", is_flag=True, help="Tell good cards as shipped.")
def emulate(bank_code: str, path: Path, images: Path, out: Path, spoil: tuple[int, ...], ship: bool) -> None:
    """Pretend to be a bank's bureau: make card images of a sealed file, and its receipt."""
    from yikatong.issuance.emulated_bureau import EmulatedBureau
    from yikatong.registry.sealing import key_store

    bureau = EmulatedBureau(bank_code, key_store(), images)
    out.write_bytes(bureau.make(path.read_bytes(), at=utc_now(), spoil=frozenset(spoil), ship=ship))
    click.echo(f"模拟制卡方：卡映像在 {images}，回执 {out}")


@blanks.command()
@click.argument("bank_code")
@click.argument("count", type=click.IntRange(min=1))
@click.option("--note", required=True, help="The delivery note's number; the same one again changes nothing.")
@click.option("--outlet", "outlet_id", default="", help="The outlet that received them; by default the bureau did.")
def deliver(bank_code: str, count: int, note: str, outlet_id: str) -> None:
    """Enter blank cards that a bank's bureau or an outlet received."""
    from yikatong.issuance.stock import deliver_blanks

    stock = deliver_blanks(bank_code, count, delivery_note=note, by=_BY, at=utc_now(), outlet_id=outlet_id)
    click.echo(f"{stock.holder} 空白卡剩余 {stock.left:,} 张")


@blanks.command("emulate")
@click.argument("folder", type=_FOLDER)
@click.option("--count", default=1, show_default=True, type=click.IntRange(min=1))
def emulate_blanks(folder: Path, count: int) -> None:
    """Make images of blank cards for a virtual reader, with the keys that this city's blanks come with."""
    from yikatong.issuance.emulated_blanks import make_blanks

    for path in make_blanks(folder, count):
        click.echo(path)
