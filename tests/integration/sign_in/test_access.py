"""Two people's whole reconciliations at the same time: whose token goes where, and that none stays anywhere."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from connectors.sandbox.authority import FACADE_AUDIENCE, GRAPH_AUDIENCE
from connectors.sandbox.tokens import CHANNEL_AUDIENCE, SAP_AUDIENCE
from tests.integration.sign_in.conftest import Product

pytestmark = pytest.mark.timeout(120)
MONTHS = {"megan": "October", "lee": "August"}


@pytest.fixture
def spans() -> InMemorySpanExporter:
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


async def whole(product: Product, key: str) -> None:
    """One person's reconciliation from goal to workbook, but for what Alex decides."""
    await product.begin(key, MONTHS[key])
    await product.sign_in(key, await product.asked(key))
    await product.press(key, await product.sees(key, "Nothing is written unless you allow it"), "Allow")
    await product.sees(key, "Open the workbook")


async def test_each_call_carries_the_right_persons_token_for_the_right_system_and_no_token_stays(
    product: Product, spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await product.send("alex", "installationUpdate", action="add")
    async with asyncio.TaskGroup() as both:
        both.create_task(whole(product, "megan"))
        both.create_task(whole(product, "lee"))
        both.create_task(product.decide(2))

    people = {key: product.sandbox.tenant.people[key] for key in MONTHS}
    audiences = {
        "graph": GRAPH_AUDIENCE,
        "facade": FACADE_AUDIENCE,
        "sap": SAP_AUDIENCE,
        "dynamics": product.sandbox.tenant.file.dynamics_url.rstrip("/"),
    }
    bot, sso = product.settings.app_id, product.settings.sso_app_id
    seen: Counter[tuple[str, str]] = Counter()
    for line in product.lines():
        token, system = line["token"], line["system"]
        if system in audiences and line["path"] not in ("/sap/bc/sec/oauth2/token", "/graph/download"):
            person = people[line["person"]]
            by = "sap" if system == "sap" else sso
            assert token == {"for": person.id, "at": audiences[system], "by": by}, line
            assert line["status"] < 400 or (system == "graph" and line["status"] == 404), line
            seen[line["person"], system] += 1
        elif system in ("token-service", "window-megan", "window-lee", "window-alex") and token is not None:
            assert token == {"for": bot, "at": CHANNEL_AUDIENCE, "by": bot, "app_only": True}, line
        else:  # the authority, SAP's own token endpoint, pages: nobody's token goes there but in a form
            assert token is None, line
    assert {(key, system) for key in people for system in audiences} <= set(seen)
    assert {key for key, _ in seen} == set(people)

    assert len(product.issued) > 10
    left = [line.getMessage() for line in caplog.records]
    told = "\n".join(left) + "\n" + "\n".join(span.to_json() for span in spans.get_finished_spans())
    assert "reconcile" in told, "the spans and the log were looked at"
    kept = b"".join(file.read_bytes() for file in product.folder.rglob("*") if file.is_file())
    log = (product.sandbox.state / "sandbox" / "access.log").read_text("utf-8")
    chats = json.dumps([list(chat.messages.values()) for chat in product.playgrounds.values()])
    for token in product.issued:
        for part in (token, token.split(".")[2]):  # nor its signature alone
            for name, text in {"log and spans": told, "chats": chats, "access log": log}.items():
                assert part not in text, name
            assert part.encode() not in kept
