"""gunicorn's two logs as all others: `--logger-class cma_site.watching.gunicorn_logger.SiteLogger`,
and `--access-logfile -` for the log of requests.
"""

import os
from datetime import timedelta
from typing import Any

from django.conf import settings
from gunicorn.glogging import Logger

from cma_site.watching.log_lines import FORMATS
from cma_site.watching.tracing import HEADER

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cma_site.settings")


class SiteLogger(Logger):
    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            for handler in log.handlers:
                handler.setFormatter(FORMATS[settings.LOG_FORMAT]())

    def access(
        self,
        resp: Any,
        req: Any,  # noqa: ARG002
        environ: dict[str, Any],
        request_time: timedelta,
    ) -> None:
        """What was asked and how it went; not from where, by whom, or what was searched for."""
        if not self._access_log_enabled:
            return
        method, path = environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO", "")
        status = str(resp.status).partition(" ")[0]
        headers = {name.lower(): value for name, value in resp.headers}
        self.access_log.info(
            "%s %s %s",
            method,
            path.encode("latin-1", "replace").decode(errors="replace"),  # as WSGI has it
            status,
            extra={
                "status": int(status),
                "milliseconds": request_time // timedelta(milliseconds=1),
                "bytes": getattr(resp, "sent", None),
                "request_id": headers.get(HEADER.lower()),
            },
        )
