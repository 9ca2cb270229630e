"""Every setting, in one place. Each is read from the environment with the prefix ``RECUERDA_``."""

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from recuerda.models.words import Law


def _openai(name: str) -> str | None:
    return os.environ.get(f"OPENAI_{name}") or None


def _days(default: int, description: str) -> Any:
    return Field(default, ge=0, le=36_500, description=description)


class Settings(BaseSettings):
    """Read once at start-up and handed to whoever needs it; nothing else reads the environment."""

    model_config = SettingsConfigDict(env_prefix="RECUERDA_", env_ignore_empty=True, extra="ignore")

    data_dir: Path = Field(
        Path(".data"), description="Folder of everything Recuerda writes. Deleting it is a factory reset."
    )
    host: str = Field("127.0.0.1", description="Address to listen on. Loopback unless you say otherwise.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str = Field("", description="Address customers and channels reach this server at.")
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Comma-separated keys the brand's servers may use."
    )
    secret_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Signs customers' tokens. Made once in the data folder when not given.",
    )
    secret_key_before: SecretStr | None = Field(
        None, description="The SECRET_KEY before this one: its tokens stay good while they last, an hour."
    )
    database_url: str = Field(
        "", description="SQLAlchemy address of PostgreSQL; empty means SQLite in the data folder."
    )
    chroma_url: str = Field("", description="Address of a Chroma server; empty means embedded Chroma.")
    worker: bool = Field(True, description="Whether `serve` also does the background work itself.")
    helper: bool = Field(
        True, description="Whether `serve` with SQLite computes in a second process too, given a second core."
    )
    embeddings: Literal["embedded", "openai"] = Field(
        "embedded", description="Who turns text into vectors: the embedded encoder or an OpenAI endpoint."
    )
    embeddings_model: str = Field(
        "text-embedding-3-small", description="Model asked for vectors when EMBEDDINGS is openai."
    )
    engine: Literal["auto", "embedded", "llm"] = Field(
        "auto", description="Who writes replies: auto means the model when LLM_MODEL is set."
    )
    extractor: Literal["auto", "embedded", "llm"] = Field(
        "auto", description="Who finds facts: auto means the model when LLM_MODEL is set."
    )
    extractor_trust: float = Field(
        0.5,
        ge=0,
        le=6,
        description="What a model's word on a fact adds, in log-odds: 0.5 for a small one, 2 for a large.",
    )
    catalogue: Path | None = Field(
        None, description="A YAML file of the brand's own kinds of facts, on top of those shipped."
    )
    marketing_uses: Annotated[tuple[Literal["none", "personal"], ...], NoDecode] = Field(
        ("none", "personal"),
        description="Sensitivities whose facts marketing may use, comma-separated; special ones never are.",
    )
    llm_model: str = Field("", description="Name of the chat model; empty means no model.")
    llm_base_url: str | None = Field(
        default_factory=lambda: _openai("BASE_URL"),
        description="Any OpenAI-compatible address; falls back to OPENAI_BASE_URL.",
    )
    llm_api_key: SecretStr | None = Field(
        default_factory=lambda: SecretStr(key) if (key := _openai("API_KEY")) else None,
        description="Key of that address; falls back to OPENAI_API_KEY.",
    )
    llm_timeout: float = Field(30.0, gt=0, description="Seconds to wait for the model's next words.")
    llm_retries: int = Field(2, ge=0, le=10, description="Tries after a failed call, with backoff.")
    llm_max_tokens: int = Field(600, ge=16, description="Longest reply the model may write, in tokens.")
    llm_input_price: float | None = Field(
        None, ge=0, description="Price of a million tokens read by the model; empty when not known."
    )
    llm_output_price: float | None = Field(
        None, ge=0, description="Price of a million tokens written by the model; empty when not known."
    )
    link_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Comma-separated hosts a model may link to, besides PUBLIC_URL's and the knowledge's."
    )
    context_tokens: int = Field(
        1500, ge=200, description="Tokens of facts, memories and knowledge a turn may use."
    )
    default_language: Literal["en", "es", "pt"] = Field(
        "en", description="Language when a customer's cannot be told."
    )
    brand: str = Field("", description="The brand's name, as the assistant says it.")
    max_message_chars: int = Field(8000, ge=1, description="Longest message a customer may send, characters.")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Comma-separated origins of pages that may call the API from a browser."
    )
    rate_per_key: int = Field(
        60_000, ge=0, description="Requests a minute with one API key; 0 means without limit."
    )
    rate_per_customer: int = Field(
        240, ge=0, description="Requests a minute for one customer; 0 means without limit."
    )
    rate_per_address: int = Field(
        1_200, ge=0, description="Requests a minute from one address without a key; 0 means without limit."
    )
    rate_sign_in: int = Field(
        20, ge=0, description="Sign-ins a minute tried from one address; 0 means without limit."
    )
    oidc_issuer: str = Field(
        "",
        description="Address of the OpenID Connect provider agents may sign in with; needs the extra `oidc`.",
    )
    oidc_client_id: str = Field("", description="What that provider calls Recuerda.")
    oidc_client_secret: SecretStr | None = Field(
        None, description="Its secret there; empty for a public client, which PKCE alone protects."
    )
    oidc_role_claim: str = Field(
        "",
        description="Claim that says `admin` or `reviewer`: who has it becomes an agent with that role, "
        "and others are refused. Empty: who is an agent already may sign in.",
    )
    data_law: Law = Field(
        Law.GDPR,
        description="Whose clock runs for a customer whose country is unknown or has no law we know: "
        "gdpr, lgpd or ley1581.",
    )
    retain_conversations: int = _days(730, "Days a conversation is kept after its last message; 0 keeps it.")
    retain_memories: int = _days(1095, "Days an order, return, ticket or note is kept; 0 keeps it.")
    retain_past_facts: int = _days(
        365, "Days a superseded, rejected or expired fact is kept after it ended; 0 keeps it."
    )
    retain_forgotten: int = _days(
        30, "Days a forgotten fact can be brought back; then its words go. 0 keeps them."
    )
    retain_audit: int = Field(
        730, ge=0, description="Days an entry of the audit log is kept, at least 90; 0 keeps it."
    )
    retain_requests: int = _days(
        1825, "Days an answered request and an erasure's receipt are kept; 0 keeps them."
    )
    retain_work: int = _days(7, "Days finished work and idempotency keys are kept; 0 keeps them.")
    retain_failed_work: int = _days(90, "Days work that was given up is kept; 0 keeps it.")
    twilio_account_sid: str = Field("", description="Twilio account that sends messages.")
    twilio_auth_token: SecretStr | None = Field(None, description="Its token; also checks webhooks.")
    twilio_from: str = Field("", description="Number messages are sent from, such as +14155550100.")
    twilio_api_url: str = Field("", description="Another address for Twilio's REST, for trying it locally.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")
    log_format: Literal["text", "json"] = Field("text", description="Log lines as text or as JSON objects.")
    otlp_endpoint: str = Field(
        "", description="Where OpenTelemetry traces go (OTLP over gRPC); needs the extra `otel`."
    )

    @field_validator("retain_audit")
    @classmethod
    def _long_enough(cls, value: int) -> int:
        if 0 < value < 90:
            raise ValueError("the audit log keeps its entries for at least 90 days")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _not_in_the_clear(cls, value: str) -> str:
        if value and not re.match(r"https://|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/|$)", value):
            raise ValueError("start it with https:// (with http:// only on this machine)")
        return value

    @field_validator("api_keys", "cors_origins", "link_hosts", "marketing_uses", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @cached_property
    def database(self) -> str:
        """The async SQLAlchemy URL in force."""
        if not self.database_url:
            return f"sqlite+aiosqlite:///{self.data_dir.resolve() / 'recuerda.db'}"
        scheme, _, rest = self.database_url.partition("://")
        if scheme in {"postgres", "postgresql"}:
            scheme = "postgresql+psycopg"
        elif scheme == "sqlite":
            scheme = "sqlite+aiosqlite"
        return f"{scheme}://{rest}"

    @property
    def wants_helper(self) -> bool:
        """With PostgreSQL any number of processes share the cores; with a model little is computed."""
        computes = "embedded" in (self.reply_engine, self.fact_extractor)
        return self.helper and self.database.startswith("sqlite") and computes and (os.cpu_count() or 1) > 1

    @property
    def has_llm(self) -> bool:
        return bool(self.llm_model)

    @property
    def reply_engine(self) -> Literal["embedded", "llm"]:
        return ("llm" if self.has_llm else "embedded") if self.engine == "auto" else self.engine

    @property
    def fact_extractor(self) -> Literal["embedded", "llm"]:
        return ("llm" if self.has_llm else "embedded") if self.extractor == "auto" else self.extractor
