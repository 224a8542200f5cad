"""A provider of accounts on a port of this machine: a real one, that can be made to lie."""

import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from hmac import digest
from time import time
from typing import Any

import flask
import jwt
import oidc_provider_mock
import requests
import werkzeug.serving
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CLIENT, SECRET = "desk", "a secret of the client's"
CHAN = "248289761001"  # the subject
KEY = {"rsa": rsa.generate_private_key(65537, 2048), "ec": ec.generate_private_key(ec.SECP256R1())}

Claims = dict[str, Any]


class Provider:
    """oidc-provider-mock. What `sign` makes of the claims stands in for its ID token, and each of
    `answers` for what it says at an address.
    """

    def __init__(self) -> None:
        self.app = oidc_provider_mock.app()
        self.app.after_request(self._lie)
        self.tell_truth()

    def tell_truth(self) -> None:
        self.sign: Callable[[Claims], str] | None = None
        self.answers: dict[str, flask.Response] = {}
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    def know(self, subject: str = CHAN, **claims: Any) -> None:
        claims = {"email": "chan@example.com", "email_verified": True} | claims
        told = {name: claim for name, claim in claims.items() if claim is not None}
        requests.put(f"{self.issuer}/users/{subject}", json=told).raise_for_status()

    def log_in(self, address: str, subject: str = CHAN) -> str:
        """What somebody's browser does there; the way back that it gets."""
        answer = requests.post(address, data={"sub": subject}, allow_redirects=False)
        return answer.headers["Location"]

    def answer(self, path: str, body: Any, status: int = 200) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        self.answers[path] = flask.Response(text, status, content_type="application/json")

    def publish(self, *keys: Any, **described: str) -> None:
        """These keys in place of its own, each described as wanted."""
        public = [
            jwt.get_algorithm_by_name(
                "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
            ).to_jwk(key.public_key(), as_dict=True)
            for key in keys
        ]
        self.answer("/jwks", {"keys": [one | described for one in public]})

    @contextmanager
    def serve(self) -> Iterator["Provider"]:
        server = werkzeug.serving.make_server("localhost", 0, self.app, threaded=True)
        self.issuer = f"http://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _lie(self, answer: flask.Response) -> flask.Response:
        path = flask.request.path
        self.asked.append((path, flask.request.form.to_dict()))
        if path in self.answers:
            return self.answers[path]
        if path == "/oauth2/token" and self.sign and answer.status_code == 200:
            told = answer.get_json()
            claims = jwt.decode(told["id_token"], options={"verify_signature": False})
            answer.set_data(json.dumps(told | {"id_token": self.sign(claims)}))
        return answer

    def sign_with_own_key(self, **changes: Any) -> Callable[[Claims], str]:
        """As if it were in league: only the claims differ. None leaves one out, and a time that
        hangs on now is called for.
        """

        def sign(claims: Claims) -> str:
            now = {name: one() if callable(one) else one for name, one in changes.items()}
            told = {name: one for name, one in (claims | now).items() if one is not None}
            own = flask.g.oidc_provider_mock_storage.jwk.as_pem(is_private=True)
            # As JWS: what a JWT must not hold is signed too.
            return jwt.PyJWS().encode(json.dumps(told).encode(), own, algorithm="RS256")

        return sign

    def sign_with_public_key(self, claims: Claims) -> str:
        """The old trick: who takes any algorithm takes the published key for a password."""
        own = flask.g.oidc_provider_mock_storage.jwk.as_pem(is_private=False)
        return sign_with_password(own)(claims)


def sign_with_password(password: bytes) -> Callable[[Claims], str]:
    def sign(claims: Claims) -> str:
        signed = f"{write({'alg': 'HS256', 'typ': 'JWT'})}.{write(claims)}"
        return f"{signed}.{encode(digest(password, signed.encode(), sha256))}"

    return sign


def sign_not(claims: Claims) -> str:
    return f"{write({'alg': 'none'})}.{write(claims)}."


def sign_with(key: Any, algorithm: str, **header: Any) -> Callable[[Claims], str]:
    return lambda claims: jwt.encode(claims, key, algorithm=algorithm, headers=header)


def public_pem(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def write(part: Claims) -> str:
    return encode(json.dumps(part).encode())


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True)
class Ago:
    """A moment by when it is asked for; and told the same in each process."""

    seconds: int

    def __call__(self) -> int:
        return int(time()) - self.seconds
