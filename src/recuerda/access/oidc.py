"""Single sign-on of agents by OpenID Connect: the authorization code flow with PKCE, by Authlib.

The provider's description and keys are read anew at every sign-in, which an agent does twice a day: so a key
that it changed or withdrew is never trusted, and nothing is fetched before somebody signs in.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from recuerda.access import agents, audit
from recuerda.access.rights import Role
from recuerda.db import Session
from recuerda.errors import BadInput, Conflict, Forbidden, SetupError
from recuerda.models import Agent
from recuerda.settings import Settings

CALLBACK = "/console/sign-in/sso/callback"
# What the person is told. Everything else is for the operator's log.
Why = Literal["stale", "declined", "failed", "unverified", "unknown", "unavailable"]
_TIMEOUT = 10.0  # seconds for each answer of the provider
_CLOCKS = 60  # seconds its clock may differ from ours
# With a key that only the provider has: never `none`, and no HS256, whose key is the client's secret.
_SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


class NotAdmitted(Forbidden):
    """`detail` holds nothing personal."""

    def __init__(self, why: Why, detail: str) -> None:
        super().__init__(detail)
        self.why = why


@dataclass(frozen=True, slots=True)
class Begun:
    """What the provider's answer must match; kept by the browser that was sent there."""

    state: str
    nonce: str
    code_verifier: str


class SignOn:
    """The configured provider."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.redirect_uri = settings.public_url.rstrip("/") + CALLBACK

    async def begin(self) -> tuple[str, Begun]:
        """Where to send the browser. Raises `SetupError` when the provider cannot be used."""
        client = await self._client()
        with self._understood():
            made = await client.create_authorization_url(self.redirect_uri)
        return made["url"], Begun(made["state"], made["nonce"], made["code_verifier"])

    async def finish(self, begun: Begun, code: str) -> dict[str, Any]:
        """What the provider says of the person whom it gave `code`: claims of OpenID Connect, checked.

        Raises `NotAdmitted` when its answer does not hold, `SetupError` when there is none.
        """
        client = await self._client()
        with self._understood():
            token = await client.fetch_access_token(
                self.redirect_uri, code=code, code_verifier=begun.code_verifier
            )
            claims = await client.parse_id_token(token, begun.nonce, self._expected(client), leeway=_CLOCKS)
            if claims is None:
                raise NotAdmitted("failed", "The provider sent no ID token.")
            return await self._completed(client, token, dict(claims))

    async def _completed(self, client: Any, token: Any, claims: dict[str, Any]) -> dict[str, Any]:
        """Some providers say little in the ID token, and the rest where they are asked about the person."""
        needed = {"email", "email_verified", self._settings.oidc_role_claim} - {""}
        if needed <= claims.keys() or "userinfo_endpoint" not in client.server_metadata:
            return claims
        more = await client.userinfo(token=token)
        if more.get("sub") != claims["sub"]:
            raise NotAdmitted("failed", "The provider's userinfo is about somebody else.")
        return claims | dict(more)

    def _expected(self, client: Any) -> dict[str, Any]:
        """Authlib by itself takes a token for another audience when `azp` names us."""
        return {
            "iss": {"essential": True, "values": [client.server_metadata["issuer"]]},
            "aud": {"essential": True, "values": [self._settings.oidc_client_id]},
        }

    async def _client(self) -> Any:
        """Authlib's client, knowing the provider. Raises `SetupError`."""
        s = self._settings
        if not (s.oidc_client_id and s.public_url):
            raise SetupError("OIDC_ISSUER is set: set RECUERDA_OIDC_CLIENT_ID and RECUERDA_PUBLIC_URL too.")
        with self._understood():
            from authlib.integrations.starlette_client import StarletteOAuth2App

            client = StarletteOAuth2App(
                None,  # no framework: what was begun is kept in a cookie of our own
                client_id=s.oidc_client_id,
                client_secret=s.oidc_client_secret and s.oidc_client_secret.get_secret_value(),
                server_metadata_url=s.oidc_issuer.rstrip("/") + "/.well-known/openid-configuration",
                client_kwargs={
                    "scope": "openid email profile",
                    "code_challenge_method": "S256",
                    "timeout": _TIMEOUT,
                },
            )
            self._check(client, await client.load_server_metadata())
        return client

    def _check(self, client: Any, told: dict[str, Any]) -> None:
        """Hold the provider to what it is configured as, and to signatures of its own."""
        s = self._settings
        if str(told.get("issuer")).rstrip("/") != s.oidc_issuer.rstrip("/"):
            raise SetupError(
                f"{s.oidc_issuer} calls itself otherwise: set RECUERDA_OIDC_ISSUER to its `issuer`."
            )
        offered = told.get("id_token_signing_alg_values_supported") or ["RS256"]
        told["id_token_signing_alg_values_supported"] = [name for name in offered if name in _SIGNATURES]
        if not told["id_token_signing_alg_values_supported"]:
            raise SetupError(f"{s.oidc_issuer} does not sign with a key of its own, such as by RS256.")
        ways = told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if s.oidc_client_secret and "client_secret_basic" not in ways:
            client.client_kwargs["token_endpoint_auth_method"] = "client_secret_post"  # noqa: S105

    @contextlib.contextmanager
    def _understood(self) -> Iterator[None]:
        """The libraries' errors as ours. They are loaded here, when somebody signs in."""
        try:
            import httpx2
            from authlib.integrations.base_client import OAuthError
            from joserfc.errors import JoseError
        except ImportError as error:
            raise SetupError(
                "OIDC_ISSUER is set, but Authlib is not installed: pip install 'recuerda[oidc]'."
            ) from error
        try:
            yield
        except OAuthError as error:
            raise NotAdmitted("failed", f"The provider refused the code: {error.error}.") from error
        except JoseError as error:
            raise NotAdmitted("failed", f"The ID token does not hold: {error}.") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SetupError(
                f"{self._settings.oidc_issuer} cannot be reached ({type(error).__name__}). "
                "Check RECUERDA_OIDC_ISSUER, and that this machine may call it."
            ) from error
        except (ValueError, KeyError, TypeError, RuntimeError) as error:  # neither JSON nor as described
            raise SetupError(
                f"{self._settings.oidc_issuer} does not answer as an OpenID Connect provider "
                f"({type(error).__name__})."
            ) from error


async def admit(session: Session, claims: dict[str, Any], settings: Settings) -> Agent:
    """The agent these claims are about, with the role they name. Raises `NotAdmitted`.

    A role that the provider gives or changes is noted in the audit log under the provider's name.
    """
    email = str(claims.get("email") or "")
    if not _is_verified(claims):
        raise NotAdmitted("unverified", "The provider does not say that the e-mail address is verified.")
    role = _role(claims.get(settings.oidc_role_claim)) if settings.oidc_role_claim else None
    if settings.oidc_role_claim and role is None:
        raise NotAdmitted("unknown", f"The claim {settings.oidc_role_claim} names no role.")
    # Beyond ASCII lower case makes one address of two: the Kelvin sign becomes a k.
    agent = await agents.by_email(session, email) if email.isascii() else None
    if agent is None and role:
        agent = await _made(session, email, claims, role, settings)
    if agent is None or agent.disabled_at:
        raise NotAdmitted("unknown", "No agent has this e-mail address, or that agent is disabled.")
    if role and agent.role != role:
        await agents.set_role(session, agent, role, special=agent.special)
        audit.note(session, actor=settings.oidc_issuer, action=f"agent.make-{role}", target=agent.id)
    return agent


async def _made(
    session: Session, email: str, claims: dict[str, Any], role: Role, settings: Settings
) -> Agent | None:
    """With a password that nobody knows: such an agent signs in here only when an admin gives another."""
    name, unknown = str(claims.get("name") or "")[:80], agents.new_password()
    try:
        agent = await agents.create_agent(session, email, name, unknown, role)
    except (BadInput, Conflict):  # another spelling of an agent's address is not that agent's
        return None
    audit.note(session, actor=settings.oidc_issuer, action="agent.create", target=agent.id)
    return agent


def _is_verified(claims: dict[str, Any]) -> bool:
    """By `email_verified`, or by what Microsoft has in its place, `xms_edov`. Some write it as text."""
    said = claims.get("email_verified", claims.get("xms_edov"))
    return bool(claims.get("email")) and said in (True, "true", "True", "1")


def _role(named: object) -> Role | None:
    """The highest of the roles in the claim, a word or a list of words."""
    words = named if isinstance(named, list) else [named]
    return next((role for role in (Role.ADMIN, Role.REVIEWER) if role in words), None)
