"""Reads Word and PDF files in a child process, so that no file can take its reader down.

A file of a few kilobytes can be made to fill any memory and never to end. The child bounds its
own memory, time and files before it looks at the first byte; it knows no settings and no
secrets, and can write nothing but its answer. Whoever waits for it kills it when time is up.
"""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

from briefings.importer.documents import Doubt, Kind, Manuscript, UnreadableDocument

MOST_MEMORY = 768 * 1024 * 1024  # of addresses; an edition takes 150 MB, most of it the libraries
MOST_SECONDS = 30  # of the processor; an edition takes one, sixty pages take ten
MOST_WAITING = 75  # seconds on the wall, on a machine that is busy
LARGEST_SOURCE = 512 * 1024  # characters

ROOT = Path(__file__).resolve().parents[3]


def read_confined(data: bytes, *, name: str, kind: Kind) -> Manuscript:
    """Raises UnreadableDocument, also when the child ran out of memory or time."""
    command = [sys.executable, "-m", __name__, kind]
    try:
        child = subprocess.run(  # noqa: S603  (our own module, and no shell)
            command,
            input=data,
            capture_output=True,
            timeout=MOST_WAITING,
            check=False,
            cwd=ROOT,
            env={"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise UnreadableDocument(f"{name}：讀取時間過長，檔案可能有問題。") from error
    if child.returncode != 0:
        raise UnreadableDocument(f"{name}：檔案異常龐大或已損壞，未能讀取。")
    answer = json.loads(child.stdout)
    if reason := answer.get("refused"):
        raise UnreadableDocument(f"{name}：{reason}")
    doubts = tuple(Doubt(line, message) for line, message in answer["doubts"])
    return Manuscript(name, kind, answer["source"], doubts)


def confine() -> None:
    """From here on this process gets no more than its share."""
    for limit, most in (
        (resource.RLIMIT_AS, MOST_MEMORY),
        (resource.RLIMIT_CPU, MOST_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))


def answer(kind: Kind, data: bytes) -> dict[str, object]:
    """The child's whole work: what it read, or why it did not."""
    from briefings.importer.readers.pdf import read_pdf
    from briefings.importer.readers.word import read_word

    read = read_pdf if kind == Kind.PDF else read_word
    try:
        source, doubts = read(data)
    except UnreadableDocument as refusal:
        return {"refused": str(refusal)}
    except MemoryError:
        return {"refused": "檔案解開後異常龐大，未能讀取。"}
    except Exception:
        return {"refused": "檔案已損壞或格式不符，未能讀取。"}
    if len(source) > LARGEST_SOURCE:
        return {"refused": f"文字超過 {LARGEST_SOURCE // 1000} 千字的上限，不像是一期。"}
    return {"source": source, "doubts": [[doubt.line, doubt.message] for doubt in doubts]}


if __name__ == "__main__":
    confine()
    answered = json.dumps(answer(Kind(sys.argv[1]), sys.stdin.buffer.read()))
    sys.stdout.write(answered)
    sys.stdout.flush()
    os._exit(0)  # taking a large document apart again can take longer than reading it
