"""gunicorn, as production runs it: `gunicorn -c deploy/gunicorn.conf.py cma_site.wsgi`.

Threads, since a page waits for the database more than it computes; and few of them, since Python
computes one at a time. `WEB_CONCURRENCY` says how many processes, as gunicorn has it.
"""

import os
from pathlib import Path
from typing import Any

bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or min(4, os.cpu_count() or 1))
threads = 8

# Behind a proxy a connection is kept longer than the proxy keeps it idle, or it would be cut while
# a request is on its way.
keepalive = 75
# No page takes so long; the thread's process is started again.
timeout = 60
graceful_timeout = 30
# A process that leaks is replaced after some hours, and not all of them in the same moment.
max_requests = 20_000
max_requests_jitter = 2_000

# The longest allowed: a Chinese character takes nine bytes of a search address.
limit_request_line = 8190
# Who the client is, settings say (BEHIND_TLS_PROXY, TRUSTED_PROXIES), not gunicorn.
forwarded_allow_ips = ""

logger_class = "cma_site.watching.gunicorn_logger.SiteLogger"
accesslog = "-"
# It would be a file in the home folder, which a container or unit can't write to.
control_socket_disable = True
# Where gunicorn marks that a process lives; on a disk that is busy it would be thought dead.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def on_starting(server: Any) -> None:  # noqa: ARG001
    """Counts of processes that ran before add up to nothing."""
    folder = Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR") or _find_metrics_folder())
    for counts in folder.glob("*.db"):
        counts.unlink(missing_ok=True)


def _find_metrics_folder() -> Path:
    return Path(os.environ.get("VAR_DIR", "var")) / "metrics"
