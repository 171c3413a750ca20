"""`tandem up` with the recorded model, and with the one that the shell names."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.product import Product


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    running = Product(tmp_path / "state")
    try:
        yield running
    finally:
        running.end()


def model_settings(product: Product) -> dict[str, str]:
    """What the bot was told about its model."""
    environment = product.process("bot.main").environ()
    return {name: value for name, value in environment.items() if name.startswith("TANDEM_MODEL_")}


def test_the_recorded_model_is_served_given_to_the_bot_and_named_on_the_screen(
    product: Product, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "one.yaml").write_text("recordings: [{goal: Sing, answers: [{text: la la}]}]")
    product.start("--no-playground", "--model", "recorded", "--recordings", str(mine), TANDEM_MODEL_PRICES="1/2 EUR")

    assert "Model: recorded answers; no model is asked" in "".join(product.output)
    told = model_settings(product)
    names = ("TANDEM_MODEL_NAME", "TANDEM_MODEL_KIND", "TANDEM_MODEL_PRICES")
    assert [told[name] for name in names] == ["recorded", "openai", ""]
    body = {"model": "recorded", "messages": [{"role": "user", "content": json.dumps({"goal": "Sing"})}]}
    request = urllib.request.Request(
        f"{told['TANDEM_MODEL_URL']}/chat/completions",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {told['TANDEM_MODEL_KEY']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["choices"][0]["message"]["content"] == "la la"
    assert {"system": "model", "method": "POST", "status": 200, "count": 1} in product.sandbox("requests")["requests"]
    log = (product.state / "sandbox" / "access.log").read_text()
    assert "/model/v1/chat/completions" in log
    assert told["TANDEM_MODEL_KEY"] not in log

    assert product.command("break", "model", "--for", "30s", "--status", "429") == "model answers 429 for 30s.\n"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.headers["Retry-After"]
    assert json.load(refused.value)["error"]["code"] == "rate_limit_exceeded"


def test_the_shells_model_is_the_bots_only_if_that_was_asked_for(product: Product) -> None:
    shell = {"TANDEM_MODEL_URL": "http://127.0.0.1:9/v1", "TANDEM_MODEL_NAME": "tiny"}
    product.start("--no-playground", "--model", "none", **shell)
    assert "Model: none" in "".join(product.output)
    assert set(model_settings(product).values()) == {""}
    product.end()

    product.start("--no-playground", "--model", "env", **shell)
    assert "Model: tiny at http://127.0.0.1:9/v1" in "".join(product.output)
    assert model_settings(product) == shell
    settings = json.loads((product.state / "sandbox.json").read_text())["settings"]
    assert not any(name.startswith("TANDEM_MODEL_") for name in settings)


def test_a_recording_that_cannot_be_played_is_named_when_it_starts(product: Product, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("recordings: [{goal: Sing, answers: [{}]}]")

    with pytest.raises(AssertionError, match=r"odd\.yaml: recordings\[0\].answers\[0\]: it says nothing"):
        product.start("--no-playground", "--model", "recorded", "--recordings", str(tmp_path))
