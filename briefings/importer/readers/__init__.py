"""From a file to a Manuscript: what kind of file it is, by its content, and who reads it.

Text is read here. Word and PDF files are programs in disguise, so they are read in a process of
their own that cannot take more than its share (`confined`).
"""

from pathlib import Path, PurePath

from briefings.importer.documents import Kind, Manuscript, UnreadableDocument
from briefings.importer.readers.confined import read_confined
from briefings.importer.readers.text import read_text

# An edition of two entries is 12 kB of text; a file beyond this is some other kind of file.
LARGEST_TEXT = 512 * 1024
# Pictures and fonts make a Word or PDF file large, whatever its text.
LARGEST_FILE = 20 * 1024 * 1024

SIGNATURES = ((b"%PDF-", Kind.PDF), (b"PK\x03\x04", Kind.WORD))
ENDINGS = {".txt": Kind.TEXT, ".docx": Kind.WORD, ".pdf": Kind.PDF}
LABELS = {Kind.TEXT: "純文字", Kind.WORD: "Word", Kind.PDF: "PDF"}
OLE = b"\xd0\xcf\x11\xe0"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def read_manuscript(path: Path) -> Manuscript:
    """Raises UnreadableDocument."""
    return manuscript_from_bytes(_read_bytes(path), name=path.name)


def manuscript_from_bytes(data: bytes, *, name: str) -> Manuscript:
    """Raises UnreadableDocument when the bytes are not what the name says, or can't be read."""
    kind = _recognise(data, name)
    _refuse_wrong_ending(kind, name)
    if reason := find_excess(kind, len(data)):
        raise UnreadableDocument(f"{name}：{reason}")
    if kind == Kind.TEXT:
        return Manuscript(name, kind, read_text(data, name=name))
    return read_confined(data, name=name, kind=kind)


def find_excess(kind: Kind, size: int) -> str:
    """Why a file of so many bytes is not read; empty when it is."""
    if kind == Kind.TEXT and size > LARGEST_TEXT:
        return f"檔案超過 {LARGEST_TEXT // 1024} KB 的上限，不像是一期的文字檔。"
    if size > LARGEST_FILE:
        return f"檔案超過 {LARGEST_FILE // 1024 // 1024} MB 的上限。"
    return ""


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UnreadableDocument(f"{path}：這是資料夾，請指定檔案。")
        if not path.exists():
            raise UnreadableDocument(f"{path}：找不到檔案。")
        if not path.is_file():
            raise UnreadableDocument(f"{path}：這不是一般檔案。")
        with path.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise UnreadableDocument(f"{path}：未能開啟檔案（{error}）。") from error


def _recognise(data: bytes, name: str) -> Kind:
    start = data[:1024].lstrip()
    for signature, kind in SIGNATURES:
        if start.startswith(signature):
            return kind
    if start.startswith(OLE):
        if ENCRYPTED in data:
            raise UnreadableDocument(f"{name}：這個 Word 檔有密碼保護，請先移除密碼。")
        raise UnreadableDocument(f"{name}：這是舊式 Word（.doc）檔案，請先另存為 .docx。")
    if start.startswith(b"{\\rtf"):
        raise UnreadableDocument(f"{name}：這是 RTF 檔案，請先另存為 .docx。")
    return Kind.TEXT


def _refuse_wrong_ending(kind: Kind, name: str) -> None:
    ending = PurePath(name).suffix.lower()
    expected = ENDINGS.get(ending, kind)
    if expected == kind:
        return
    is_other = f"卻是 {LABELS[kind]}" if kind != Kind.TEXT else f"卻不是 {LABELS[expected]}"
    raise UnreadableDocument(
        f"{name}：副檔名是 {ending}，內容{is_other} 檔案。請用正確的檔案再試。"
    )
