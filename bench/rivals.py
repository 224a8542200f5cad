"""Those that printing is compared with, each in a process of its own that stays warm as ours does.

python -m bench.rivals NAME        speaks as briefings.press.child: a job in, a PDF out
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from briefings.press.child import Job, read_job
from briefings.press.frames import Kind, write_frame

TEMPLATE = Path(__file__).with_name("edition.typ")
PR_SET_CHILD_SUBREAPER = 36  # from <linux/prctl.h>
CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer")


def print_plainly(job: Job) -> bytes:
    """WeasyPrint as its manual shows it."""
    from weasyprint import CSS, HTML

    document = HTML(string=job.html)
    pdf: bytes = document.write_pdf(stylesheets=[CSS(string=job.css)], pdf_variant="pdf/ua-1")
    return pdf


def print_with_chromium(job: Job) -> bytes:
    with TemporaryDirectory() as folder:
        page, pdf = Path(folder) / "edition.html", Path(folder) / "edition.pdf"
        page.write_text(job.html.replace("</head>", f"<style>{job.css}</style></head>"))
        command = [
            *CHROMIUM,
            f"--user-data-dir={folder}/profile",
            f"--print-to-pdf={pdf}",
            str(page),
        ]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
        return pdf.read_bytes()


def print_with_typst(job: Job) -> bytes:
    """Its own template; in place of HTML the job brings the edition as JSON."""
    import typst

    pdf: bytes = typst.compile(
        TEMPLATE, sys_inputs={"edition": job.html}, format="pdf", pdf_standards=["ua-1"]
    )
    return pdf


RIVALS: dict[str, Callable[[Job], bytes]] = {
    "plain": print_plainly,
    "Chromium": print_with_chromium,
    "typst": print_with_typst,
}


def adopt_orphans() -> None:
    """Processes that a browser leaves behind are ours to wait for: what they took, we took."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wait_for_orphans() -> None:
    with suppress(ChildProcessError):
        while True:
            os.wait()


def serve(print_job: Callable[[Job], bytes]) -> None:
    # What a library prints must not come between frames.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    jobs = os.fdopen(os.dup(0), "rb", buffering=0)
    adopt_orphans()
    with suppress(EOFError):
        while True:
            write_frame(answers, Kind.PDF, print_job(read_job(jobs)))
            wait_for_orphans()


if __name__ == "__main__":
    serve(RIVALS[sys.argv[1]])
