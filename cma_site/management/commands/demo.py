import fcntl
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from briefings.models import Audience, Edition, Entry
from briefings.pdf import count_pages, find_edition_pdf, store_edition_pdf
from cma_site.samples.load import load_samples
from cma_site.supervisor import BEAT, WORKER, Supervisor, serve_command
from subscribers.delivery import open_mailing
from subscribers.models import Delivery, Mailing

PATIENCE = 300  # seconds for the worker to build all PDFs and send all mail


class Command(BaseCommand):
    help = "由零開始：建立資料庫、載入示範內容、製作 PDF、寄出電郵，然後開站。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="做完即止，不開站。")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("這是示範指令，不能在正式環境（已設定 SECRET_KEY）執行。")
        port = int(os.environ.get("PORT", "8000"))
        # Mail and PDF name the address that will really be served.
        os.environ.setdefault("SITE_URL", f"http://127.0.0.1:{port}")
        settings.SITE_URL = os.environ["SITE_URL"].rstrip("/")
        if not once:
            refuse_taken_port(port)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, interrupt)
        with hold_lock(settings.VAR_DIR / "demo.lock"):
            try:
                with Supervisor(settings.VAR_DIR / "log") as supervisor:
                    self.run(supervisor, port, once=once)
            except KeyboardInterrupt:
                self.stdout.write("\n已停止所有程序。")

    def run(self, supervisor: Supervisor, port: int, *, once: bool) -> None:
        call_command("migrate", verbosity=0)
        load_samples()
        password = make_editor()
        supervisor.start("worker", WORKER)
        supervisor.start("beat", BEAT)
        self.build_pdfs(supervisor)
        self.send_latest_edition(supervisor)
        self.stdout.write(describe_result(password))
        if once:
            return
        supervisor.start("web", serve_command(port))
        self.stdout.write(f"\n網站已在 {settings.SITE_URL} 開啟，按 Ctrl-C 結束。")
        while True:
            time.sleep(0.5)
            for name in supervisor.revive():
                self.stderr.write(f"{name} 意外結束，已重新啟動；見 {supervisor.log_dir / name}.log")

    def build_pdfs(self, supervisor: Supervisor) -> None:
        """Publishing asked the worker for them; an edition published long ago asks again."""
        editions = list(Edition.objects.visible_to(Audience.PUBLIC))
        self.wait(
            "製作 PDF",
            supervisor,
            lambda: sum(find_edition_pdf(edition) is not None for edition in editions),
            len(editions),
        )

    def send_latest_edition(self, supervisor: Supervisor) -> None:
        mailing, _ = open_mailing(Edition.objects.visible_to(Audience.PUBLIC).newest_first()[0])
        deliveries = Delivery.objects.filter(mailing=mailing)
        self.wait(
            "寄送電郵",
            supervisor,
            lambda: deliveries.finished().count(),
            deliveries.count(),
        )
