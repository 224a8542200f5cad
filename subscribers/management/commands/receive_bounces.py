import asyncio
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from subscribers.bounces.lmtp import listen


class Command(BaseCommand):
    help = "以 LMTP 接收郵件系統轉交的退信及投訴，直至停止。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="預設只限本機")
        parser.add_argument("--port", type=int, default=8024)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.BOUNCE_ADDRESS:
            raise CommandError("未設定 BOUNCE_ADDRESS。")
        asyncio.run(self._serve(options["host"], options["port"]))

    async def _serve(self, host: str, port: int) -> None:
        server = await listen(host, port)
        self.stdout.write(f"以 LMTP 在 {host}:{port} 接收退信。")
        self.stdout.flush()
        async with server:
            await server.serve_forever()
