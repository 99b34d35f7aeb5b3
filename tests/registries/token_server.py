"""Token service for registries (distribution's token authentication) in the test's process.

It uses TLS, issues a token for the requested scopes to clients with the right password, and signs it (JWT, RFC 7519, ES256).
"""

import base64
import http.server
import json
import secrets
import ssl
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509 import load_pem_x509_certificate

from rules.image.tools.registry.auth import Login

SERVICE, ISSUER = "test registry", "test token service"


class TokenServer:
    """Token service; use it as a context manager.

    Attributes:
        name: HOST:PORT.
        asked: scopes of each issued token, separated by a space.
        lifetime_s: lifetime of a token in seconds.

    Args:
        tls: folder with server.crt and server.key, which also sign the tokens, and ca.crt.
        login: the login that gets tokens.
    """

    def __init__(self, tls: Path, login: Login) -> None:
        self.tls = tls
        self.login = login
        self.asked: list[str] = []
        self.lifetime_s = 300
        key = serialization.load_pem_private_key((tls / "server.key").read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        certificate = load_pem_x509_certificate((tls / "server.crt").read_bytes())
        self._chain = [base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()]
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Handles GET /token?service=…&scope=…."""

            def do_GET(self) -> None:
                """Responds with a token, or 401."""
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                scopes = query.get("scope", [])
                right = self.headers.get("Authorization") == server.login.basic()
                body = json.dumps({"token": server.token(*scopes)}).encode() if right else b"{}"
                if right:
                    server.asked.append(" ".join(scopes))
                self.send_response(200 if right else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Logs nothing."""

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "server.crt", tls / "server.key")
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.name = f"127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def settings(self) -> dict:
        """Returns the section of a registry's configuration that requires tokens of this server."""
        token = {"realm": f"https://{self.name}/token", "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(self.tls / "ca.crt")}
        return {"auth": {"token": token}}

    def token(self, *scopes: str) -> str:
        """Returns a signed token for scopes such as repository:app:pull,push."""
        parts = [(scope.partition(":")[0], *scope.partition(":")[2].rpartition(":")) for scope in scopes]
        access = [{"type": kind, "name": name, "actions": actions.split(",")} for kind, name, _, actions in parts]
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": self.login.name,
            "aud": SERVICE,
            "exp": now + self.lifetime_s,
            "nbf": now - 10,
            "iat": now,
            "jti": secrets.token_hex(8),
            "access": access,
        }
        text = ".".join(_encoded(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ES256", "x5c": self._chain}, claims))
        r, s = utils.decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
