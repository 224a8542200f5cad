from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscribers.bounces.imap import MailboxTrouble, poll_mailbox


class Command(BaseCommand):
    help = "從 BOUNCE_IMAP_URL 的信箱讀取退信及投訴；排程每五分鐘做的也是這件事。"

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.BOUNCE_IMAP_URL:
            raise CommandError("未設定 BOUNCE_IMAP_URL。")
        try:
            count = poll_mailbox(timezone.now())
        except MailboxTrouble as trouble:
            raise CommandError(f"未能讀取退信信箱：{trouble}") from trouble
        self.stdout.write(f"收到 {count} 宗退信或投訴。")
