import fcntl
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from pypdf import PdfReader

from briefings.checks import PRINTING
from briefings.models import Audience, Edition, Entry
from briefings.printing import Order, ask_for, find_pdf, make_order
from cma_site.samples.load import load_samples
from cma_site.secret_files import read_or_make_secret
from cma_site.supervisor import BEAT, WORKER, Supervisor, serve_command
from subscribers.models import DeliveryState, Mailing
from subscribers.opening import open_mailing

USERNAME = "editor"
# One for each role, to see the desk as its people do; all with the administrator's password.
ROLE_OF = {
    "writer": "撰稿人",
    "reviewer": "編輯",
    "publisher": "出版人",
    "manager": "會員管理員",
}
PATIENCE = 300  # seconds for the worker to print everything, and as many to send everything


class Command(BaseCommand):
    help = "由零開始：建立資料庫、載入示範內容、製作 PDF、寄出電郵，然後開站。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="做完即止，不開站。")

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:  # the stubs know no deploy checks
        """Without a Chinese font the worker would print nothing, and we would wait for it."""
        return {"tags": [PRINTING], "include_deployment_checks": True}

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("這是示範，不能在正式環境（已設定 SECRET_KEY）執行。")
        if settings.MAILBOX_DIR is None:
            raise CommandError("示範的會員都是虛構的；請取消 EMAIL_URL，讓電郵留在本機的郵箱。")
        port = read_port()
        if not once:
            refuse_taken_port(port)  # before half a minute of preparation; and again after it
        # Mail and PDF, made by the worker too, are to name the address that is really served.
        settings.SITE_URL = os.environ.setdefault("SITE_URL", f"http://127.0.0.1:{port}")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cma_site.settings")
        end_like_ctrl_c(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        with (
            hold_lock(settings.VAR_DIR / "demo.lock"),
            Supervisor(settings.VAR_DIR / "log") as supervisor,
        ):
            try:
                self.prepare(supervisor)
            except KeyboardInterrupt as error:
                raise CommandError("已中斷；再執行一次即可繼續。") from error
            if not once:
                with suppress(KeyboardInterrupt):
                    self.serve(supervisor, port)
        if not once:
            self.stdout.write("\n已停止所有程序。")

    def prepare(self, supervisor: Supervisor) -> None:
        """All that can be done before a reader comes; what was done by an earlier run stays."""
        call_command("migrate", verbosity=0)
        load_samples()
        password = make_staff(settings.VAR_DIR / "editor-password")
        supervisor.start("worker", WORKER)
        supervisor.start("beat", BEAT)
        editions = list(Edition.objects.visible_to(Audience.PUBLIC).newest_first())
        self.print_editions(editions)
        mailing = Mailing.objects.first() or open_mailing(editions[0], by=None)
        self.wait_for_mail(mailing)
        self.stdout.write(describe_result(editions, mailing, password))

    def print_editions(self, editions: list[Edition]) -> None:
        """Publishing asked the worker for them. Should that wake-up be lost, here is another."""
        orders = [make_order(edition) for edition in editions]
        for order in orders:
            if not is_printed(order):
                ask_for(order)
        self.wait("製作 PDF", lambda: sum(map(is_printed, orders)), len(orders))

    def wait_for_mail(self, mailing: Mailing) -> None:
        deliveries = mailing.deliveries.all()
        self.wait(
            "寄送電郵",
            lambda: deliveries.count() - deliveries.unfinished().count(),
            deliveries.count(),
        )

    def wait(self, what: str, count_done: Callable[[], int], total: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while (done := count_done()) < total:
            if time.monotonic() > deadline:
                raise CommandError(
                    f"{what}：{PATIENCE} 秒後仍只完成 {done}／{total}，"
                    f"請看 {settings.VAR_DIR / 'log'} 內的記錄。"
                )
            if self.stdout.isatty():
                self.stdout.write(f"\r{what}：{done}／{total}", ending="")
                self.stdout.flush()
            time.sleep(0.3)
        self.stdout.write(f"{chr(13) * self.stdout.isatty()}{what}：{total}／{total}")

    def serve(self, supervisor: Supervisor, port: int) -> None:
        refuse_taken_port(port)
        supervisor.start("web", serve_command(port))
        self.stdout.write(f"\n網站已在 {settings.SITE_URL}/ 開啟；按 Ctrl-C 結束。")
        while True:
            time.sleep(0.5)
            for name in supervisor.revive():
                log = supervisor.log_dir / f"{name}.log"
                self.stderr.write(f"{name} 意外結束，已重新啟動；原因見 {log}")


def read_port() -> int:
    text = os.environ.get("PORT", "8000")
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise CommandError(f"PORT 必須是 1 至 65535 的數字，現為「{text}」。")
    return int(text)


def refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(
                f"連接埠 {port} 已被其他程式佔用，請用 PORT=8001 script/demo 另選一個。"
            ) from error


def end_like_ctrl_c(*numbers: signal.Signals) -> None:
    """However we are asked to end, the children end too, and a second asking doesn't disturb that.

    SIGINT is among the numbers because a shell starts what runs in the background deaf to it.
    """

    def interrupt(*args: object) -> None:  # noqa: ARG001
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Two demonstrations in one folder would send from one queue with two workers."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandError("另一個示範正在這個資料夾執行，請先結束它。") from error
        yield


def make_staff(password_file: Path) -> str:
    """An administrator and one person of each role, with a password of this machine's own."""
    password = read_or_make_secret(password_file, partial(secrets.token_urlsafe, 9))
    make_account(USERNAME, password, is_superuser=True)
    for username, role in ROLE_OF.items():
        account = make_account(username, password, is_superuser=False)
        account.groups.add(Group.objects.get(name=role))
    return password


def make_account(username: str, password: str, *, is_superuser: bool) -> User:
    account, _ = User.objects.get_or_create(
        username=username, defaults={"is_staff": True, "is_superuser": is_superuser}
    )
    if not account.check_password(password):
        account.set_password(password)
        account.save()
    return account


def is_printed(order: Order) -> bool:
    return find_pdf(order) is not None


def count_pages(edition: Edition) -> int:
    with default_storage.open(make_order(edition).name) as file:
        return len(PdfReader(file).pages)


def describe_result(editions: list[Edition], mailing: Mailing, password: str) -> str:
    pages = sum(map(count_pages, editions))
    sent = mailing.deliveries.filter(state=DeliveryState.SENT).count()
    entries = Entry.objects.visible_to(Audience.PUBLIC).count()
    roles = "、".join(f"{username}（{role}）" for username, role in ROLE_OF.items())
    site = settings.SITE_URL
    return f"""
已出版：{len(editions)} 期，{entries} 篇短評
PDF：{len(editions)} 份，共 {pages} 頁（{settings.MEDIA_ROOT / "pdf"}）
電郵：《{mailing.subject}》已寄出 {sent} 封

  首頁        {site}/
  全部期數    {site}/editions/
  最新一期    {site}{editions[0].get_absolute_url()}
  搜尋        {site}/search/?q=新质生产力
  會員郵箱    {site}/mailbox/
  編輯台      {site}/admin/    用戶名稱 {USERNAME}，密碼 {password}
  各角色      {roles}，密碼同上"""
