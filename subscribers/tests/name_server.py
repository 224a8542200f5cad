"""A DNS server on this machine, over UDP and TCP, that answers from a table."""

import socketserver
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

SERVFAIL = "SERVFAIL"
SILENCE = "silence"

# "cma.org.hk TXT": its records; or one of the two above instead of an answer.
Zone = Mapping[str, list[str] | str]


class NameServer:
    def __init__(self, zone: Zone) -> None:
        self.zone = {key.lower(): records for key, records in zone.items()}
        self.names = {key.split()[0] for key in self.zone}
        self.asked: list[str] = []
        self.address = ""

    def answer(self, wire: bytes, limit: int) -> bytes | None:
        """None for silence; a long one is cut short, so that it is asked for over TCP."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{name} {kind}")
        response = dns.message.make_response(query)
        records = self.zone.get(f"{name} {kind.lower()}")
        if records == SILENCE:
            return None
        if records == SERVFAIL:
            response.set_rcode(dns.rcode.SERVFAIL)
        else:
            self._fill(response, name, kind)
        try:
            return response.to_wire(max_size=limit)
        except dns.exception.TooBig:
            response.answer.clear()
            response.flags |= dns.flags.TC
            return response.to_wire()

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        if name not in self.names:
            response.set_rcode(dns.rcode.NXDOMAIN)
            return
        if kind != "CNAME" and (alias := self.zone.get(f"{name} cname")):
            response.answer.append(dns.rrset.from_text_list(f"{name}.", 60, "IN", "CNAME", alias))
            name = alias[0].rstrip(".").lower()
        if records := self.zone.get(f"{name} {kind.lower()}"):
            texts = [quote(text) if kind == "TXT" else text for text in records]
            response.answer.append(dns.rrset.from_text_list(f"{name}.", 60, "IN", kind, texts))


def quote(text: str) -> str:
    pieces = [text[start : start + 255] for start in range(0, len(text), 255)] or [""]
    escaped = (piece.replace("\\", "\\\\").replace('"', '\\"') for piece in pieces)
    return " ".join(f'"{piece}"' for piece in escaped)


@contextmanager
def bind(over_udp: type, over_tcp: type) -> Iterator[list[socketserver.BaseServer]]:
    """Two servers on the same port, which has to be free for both."""
    while True:
        udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), over_udp)
        try:
            tcp = socketserver.ThreadingTCPServer(udp.server_address, over_tcp)
        except OSError:
            udp.server_close()
            continue
        with udp, tcp:
            yield [udp, tcp]
        return


@contextmanager
def serving(zone: Zone) -> Iterator[NameServer]:
    """The server, at `address` as the setting DNS_SERVERS has it."""
    server = NameServer(zone)

    class OverUDP(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, socket = self.request
            if answer := server.answer(wire, limit=512):
                socket.sendto(answer, self.client_address)

    class OverTCP(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.rfile.read(2))
            answer = server.answer(self.rfile.read(length), limit=65535)
            if answer:
                self.wfile.write(struct.pack("!H", len(answer)) + answer)

    with bind(OverUDP, OverTCP) as (udp, tcp):
        for one in (udp, tcp):
            threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02}).start()
        server.address = f"127.0.0.1:{udp.server_address[1]}"
        try:
            yield server
        finally:
            udp.shutdown()
            tcp.shutdown()
