"""Whatever the form holds, signed or not: never a 5xx."""

from collections.abc import AsyncIterator, Callable
from urllib.parse import urlencode

import httpx
import pytest
from evals.bench.twilio_server import ACCOUNT, TOKEN
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from tests.channels.conftest import LUCIA, PATH, PUBLIC_URL
from tests.conftest import Shop, run_shop

_names = st.sampled_from(
    ["MessageSid", "From", "Body", "NumMedia", "MediaContentType0", "ProfileName", "Latitude", "AccountSid"]
)
_values = st.one_of(
    st.text(max_size=200),
    st.sampled_from([LUCIA, f"whatsapp:{LUCIA}", "SM1", "10", "-1", "1e9", "²", "\x00", "+" + "9" * 18]),
)
_forms = st.dictionaries(st.one_of(_names, st.text(max_size=10)), _values, max_size=8)
_likely = st.fixed_dictionaries(
    {"MessageSid": st.from_regex(r"SM[0-9a-f]{4}", fullmatch=True), "AccountSid": st.just(ACCOUNT)}
).flatmap(lambda base: _forms.map(lambda more: {"From": LUCIA, "Body": "Hola", **more, **base}))
_quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
async def shop(twilio_settings: Callable[..., object]) -> AsyncIterator[Shop]:
    async with run_shop(twilio_settings()) as running:  # type: ignore[arg-type]
        yield running


async def post(shop: Shop, body: bytes, signature: str) -> httpx.Response:
    return await shop.http.post(
        PATH,
        content=body,
        headers={
            b"Content-Type": b"application/x-www-form-urlencoded",
            b"X-Twilio-Signature": signature.encode(),
        },
    )


@_quick
@given(form=st.one_of(_likely, _forms))
async def test_signed_forms(shop: Shop, form: dict[str, str]) -> None:
    form = {key: value.encode("utf-8", "replace").decode() for key, value in form.items()}
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC_URL + PATH, form)
    answer = await post(shop, urlencode(form).encode(), signature)
    ours = form.get("AccountSid", "").strip() == ACCOUNT
    assert answer.status_code in ((200, 422) if ours else (403, 422)), answer.text


@_quick
@given(body=st.binary(max_size=500), signature=st.text(max_size=40))
async def test_bytes_of_any_kind(shop: Shop, body: bytes, signature: str) -> None:
    assert (await post(shop, body, signature)).status_code == 403


@pytest.mark.parametrize(("body", "status"), [(b"a=" + b"b" * 300_000, 413), (b"a=1&" * 1000, 422)])
async def test_huge_forms_cost_nothing(shop: Shop, body: bytes, status: int) -> None:
    assert (await post(shop, body, "x")).status_code == status


async def test_a_flood_of_bad_signatures_meets_the_addresses_limit(
    twilio_settings: Callable[..., object],
) -> None:
    async with run_shop(twilio_settings(rate_per_address=3)) as shop:  # type: ignore[arg-type]
        statuses = [(await post(shop, b"From=x", "bad")).status_code for _ in range(5)]
        assert statuses == [403, 403, 403, 429, 429]
        form = {"MessageSid": "SM1", "AccountSid": ACCOUNT, "From": LUCIA, "Body": "Hola"}
        signature = RequestValidator(TOKEN).compute_signature(PUBLIC_URL + PATH, form)
        assert (await post(shop, urlencode(form).encode(), signature)).status_code == 200  # Twilio's go on
