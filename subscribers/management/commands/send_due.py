from typing import Any

from django.core.management.base import BaseCommand

from subscribers.models import Delivery, Mailing, MailingState
from subscribers.tasks import send_due


class Command(BaseCommand):
    help = (
        "寄出到期的摘要和已排程的郵件；整理未完成的發送：收回中斷的投遞，喚醒工作程序，補寄確認信。"
        "排程每半分鐘做一次。"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        send_due()
        mailings = Mailing.objects.filter(state=MailingState.SENDING).count()
        waiting = Delivery.objects.unfinished().count()
        self.stdout.write(f"寄送中：{mailings} 次發送，尚有 {waiting} 份未寄出。")
