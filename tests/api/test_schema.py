"""The API by its own description: to whatever fits the OpenAPI, and whatever does not, an answer it names.

Few examples, so that it is done in a minute; evals/README.md says how to try for longer.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from recuerda.api.server import create_app
from tests.api.served import served
from tests.conftest import KEY, make_settings

HEADERS = {"Authorization": f"Bearer {KEY}"}
FREE = {"rate_per_key": 0, "rate_per_customer": 0, "rate_per_address": 0}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(create_app(make_settings(tmp_path_factory.mktemp("schema"), **FREE))) as address:
        yield address


class Stock:
    """Things that are there, so that not every answer is 404. What an example erased is made anew."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, headers=HEADERS, timeout=60)

    def _post(self, path: str, body: Any = None) -> Any:
        answer = self._http.post(path, json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def ids(self, name: str) -> str:
        opened = self._post("/v1/conversations", {"customer": {"external_id": "ana"}})
        customer = opened["customer_id"]
        match name:
            case "conversation_id":
                return str(opened["id"])
            case "fact_id":
                stated = {"category": "fit", "statement": "Wears 42", "attribute": "shoe_size", "value": "42"}
                return str(self._post(f"/v1/customers/{customer}/facts", stated)["id"])
            case "request_id":
                return str(self._post(f"/v1/customers/{customer}/requests", {"kind": "access"})["id"])
            case "merge_id":
                other = self._post("/v1/conversations", {"customer": {"external_id": "bea"}})["customer_id"]
                if other == customer:
                    return "mrg_x"
                return str(self._post(f"/v1/customers/{customer}/merges", {"other_id": other})["id"])
            case _:
                return str(customer)


@pytest.fixture(scope="module")
def stock(url: str) -> Stock:
    return Stock(url)


schema = schemathesis.openapi.from_dict(create_app(make_settings(Path("unused"))).openapi())
OPERATIONS = {
    found.ok().label: found.ok()  # type: ignore[union-attr]
    for found in schema.get_all_operations()
    if "twilio" not in found.ok().path  # type: ignore[union-attr] # its forms are signed: see tests/channels/test_fuzz.py
}
TRIED = [
    (label, mode)
    for label, operation in OPERATIONS.items()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if mode is GenerationMode.POSITIVE or "422" in operation.definition.raw["responses"]
]
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.mark.parametrize(("label", "mode"), TRIED)
def test_every_answer_is_one_that_is_documented(
    url: str, stock: Stock, label: str, mode: GenerationMode
) -> None:
    @settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    def tried(case: Case[Any]) -> None:
        for name, value in case.path_parameters.items():
            if isinstance(value, str) and len(value) % 2:  # else it is nobody's
                case.path_parameters[name] = stock.ids(name)
        case.call_and_validate(base_url=url, headers=HEADERS, checks=CHECKS)

    tried()
