"""Is the web process on this machine alive? `python -m cma_site.ask_alive`, for a container's
health check: asked as a proxy would ask it, and the exit code says.
"""

import os
import sys
from urllib.error import URLError
from urllib.request import Request, urlopen

PATIENCE = 4  # seconds


def is_alive(port: str, host: str) -> bool:
    headers = {"Host": host, "X-Forwarded-Proto": "https"}
    request = Request(f"http://127.0.0.1:{port}/healthz", headers=headers)
    try:
        with urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (URLError, TimeoutError):
        return False


if __name__ == "__main__":
    port = os.environ.get("BIND", "127.0.0.1:8000").rpartition(":")[2]
    host = os.environ.get("ALLOWED_HOSTS", "localhost").partition(",")[0].lstrip(".")
    sys.exit(not is_alive(port, host))
