"""An OpenID Connect provider over real HTTP, as strict as the standard asks, and made to lie when told to.

It signs with PyJWT, so what Recuerda's library makes of a token is compared with another one.
"""

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlencode

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI, Form, Header, HTTPException
from fastapi.responses import JSONResponse, RedirectResponse

from tests.servers import free_port

CLIENT, SECRET = "recuerda", "secret: of / the client, of good length"
PERSON = {"sub": "248289761001", "email": "agent@example.com", "email_verified": True, "name": "Ana"}


class Provider:
    """What it says may be changed between two requests; `asked` has the requests to its token endpoint."""

    def __init__(self) -> None:
        self.issuer = f"http://127.0.0.1:{free_port()}"
        self.person: dict[str, Any] = dict(PERSON)  # claims of who signs in there
        self.token: dict[str, Any] = {}  # what to put into the ID token instead; None leaves a claim out
        self.about: dict[str, Any] = {"sub": PERSON["sub"]}  # what userinfo says
        self.description: dict[str, Any] = {}
        self.algorithm = "RS256"
        self.secret_in_form = False
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self.turn_key()

    def turn_key(self) -> None:
        self.signing = self.published = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = secrets.token_hex(4)

    def describe(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": [
                "client_secret_post" if self.secret_in_form else "client_secret_basic"
            ],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            **self.description,
        }

    def keys(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.published.public_key()))
        return {"keys": [{**public, "kid": self.key_id, "use": "sig", "alg": "RS256"}]}

    def authorize(self, asked: dict[str, str]) -> str:
        """The person agrees at once: where their browser goes next."""
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def exchange(self, authorization: str, asked: dict[str, str]) -> dict[str, Any] | None:
        """A code is worth one token, for who proves to be the client that began; None refuses."""
        self.asked.append(asked)
        begun = self._codes.pop(asked["code"], None)
        if begun is None or asked["redirect_uri"] != begun["redirect_uri"]:
            return None
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        in_form = (asked["client_id"], asked["client_secret"]) == (CLIENT, SECRET)
        if not (in_form if self.secret_in_form else authorization == f"Basic {basic}"):
            return None
        verifier = hashlib.sha256(asked["code_verifier"].encode()).digest()
        if begun["code_challenge"] != base64.urlsafe_b64encode(verifier).rstrip(b"=").decode():
            return None
        return {
            "access_token": "for-userinfo",
            "token_type": "Bearer",
            "id_token": self._signed(begun["nonce"]),
        }

    def _signed(self, nonce: str) -> str:
        at = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": at, "exp": at + 300, "nonce": nonce}
        said = {k: v for k, v in {**claims, **self.person, **self.token}.items() if v is not None}
        key = SECRET if self.algorithm == "HS256" else "" if self.algorithm == "none" else self.signing
        return jwt.encode(said, key, algorithm=self.algorithm, headers={"kid": self.key_id})


def app_of(provider: Provider) -> FastAPI:
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    async def describe() -> dict[str, Any]:
        return provider.describe()

    @app.get("/keys")
    async def keys() -> dict[str, Any]:
        return provider.keys()

    @app.get("/authorize")
    async def authorize(
        response_type: str, client_id: str, scope: str, state: str, nonce: str,
        redirect_uri: str, code_challenge: str, code_challenge_method: str,
    ) -> RedirectResponse:  # fmt: skip
        return RedirectResponse(provider.authorize(dict(locals())), status_code=302)

    @app.post("/token")
    async def token(
        grant_type: Annotated[str, Form()],
        code: Annotated[str, Form()],
        redirect_uri: Annotated[str, Form()],
        code_verifier: Annotated[str, Form()],
        client_id: Annotated[str, Form()] = "",
        client_secret: Annotated[str, Form()] = "",
        authorization: Annotated[str, Header()] = "",
    ) -> Any:
        asked = {
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": code_verifier,
            "client_id": client_id,
            "client_secret": client_secret,
        }
        answer = provider.exchange(authorization, asked) if grant_type == "authorization_code" else None
        if answer is None:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        return answer

    @app.get("/userinfo")
    async def userinfo(authorization: Annotated[str, Header()]) -> dict[str, Any]:
        if authorization != "Bearer for-userinfo":
            raise HTTPException(401)
        return provider.about

    return app


@contextlib.contextmanager
def serving(provider: Provider) -> Iterator[None]:
    """The provider on loopback, in a thread of its own."""
    port = int(provider.issuer.rpartition(":")[2])
    server = uvicorn.Server(uvicorn.Config(app_of(provider), port=port, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield
    server.should_exit = True
    thread.join(10)
