"""A small IMAP server (RFC 3501) on this machine: folders in memory, and what a poll asks for."""

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Mailboxes:
    def __init__(self, *, can_move: bool) -> None:
        self.capabilities = "IMAP4rev1 MOVE" if can_move else "IMAP4rev1"
        self.folders: dict[str, dict[int, bytes]] = {"INBOX": {}}
        self.deleted: set[int] = set()
        self.before_move = lambda: None
        self.port = 0

    def deliver(self, source: bytes) -> None:
        uids = [uid for folder in self.folders.values() for uid in folder]
        self.folders["INBOX"][max(uids, default=0) + 1] = source


class Conversation(socketserver.StreamRequestHandler):
    server: "Server"

    def handle(self) -> None:
        self.folder = "INBOX"
        self.say("* OK ready")
        while line := self.rfile.readline().decode().strip():
            tag, command, *rest = line.split(" ", 2)
            if command.upper() == "UID":
                command, *rest = rest[0].split(" ", 1)
            answer = getattr(self, f"do_{command.lower()}")
            self.say(f"{tag} {answer(rest[0] if rest else '')} done")

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    @property
    def boxes(self) -> Mailboxes:
        return self.server.boxes

    def do_capability(self, _: str) -> str:
        self.say(f"* CAPABILITY {self.boxes.capabilities}")
        return "OK"

    def do_login(self, said: str) -> str:
        return "OK" if said == 'reader "a secret"' else "NO"

    def do_select(self, folder: str) -> str:
        self.folder = folder.strip('"')
        if self.folder not in self.boxes.folders:
            return "NO no such folder"
        self.say(f"* {len(self.boxes.folders[self.folder])} EXISTS")
        return "OK [READ-WRITE]"

    def do_create(self, folder: str) -> str:
        if folder in self.boxes.folders:
            return "NO there is one"
        self.boxes.folders[folder] = {}
        return "OK"

    def do_search(self, _: str) -> str:
        found = sorted(set(self.boxes.folders[self.folder]) - self.boxes.deleted)
        self.say(" ".join(["* SEARCH", *map(str, found)]))
        return "OK"

    def do_fetch(self, asked: str) -> str:
        uid, length = re.fullmatch(r"(\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", asked).groups()
        source = self.boxes.folders[self.folder][int(uid)][: int(length)]
        self.wfile.write(b"* 1 FETCH (UID %b BODY[]<0> {%d}\r\n" % (uid.encode(), len(source)))
        self.wfile.write(source + b")\r\n")
        return "OK"

    def do_move(self, asked: str) -> str:
        self.boxes.before_move()
        uid, folder = asked.split(" ")
        self.boxes.folders[folder][int(uid)] = self.boxes.folders[self.folder].pop(int(uid))
        return "OK"

    def do_copy(self, asked: str) -> str:
        uid, folder = asked.split(" ")
        self.boxes.folders[folder][int(uid)] = self.boxes.folders[self.folder][int(uid)]
        return "OK"

    def do_store(self, asked: str) -> str:
        self.boxes.deleted.add(int(asked.partition(" ")[0]))
        return "OK"

    def do_expunge(self, _: str) -> str:
        for uid in self.boxes.deleted:
            self.boxes.folders[self.folder].pop(uid, None)
        return "OK"

    def do_logout(self, _: str) -> str:
        self.say("* BYE")
        return "OK"


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    boxes: Mailboxes


@contextmanager
def running_imap(*, can_move: bool = True) -> Iterator[Mailboxes]:
    with Server(("127.0.0.1", 0), Conversation) as server:
        server.boxes = Mailboxes(can_move=can_move)
        server.boxes.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.boxes
        server.shutdown()
