"""What the settings of a language model become."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.bootstrap import build, model_of
from bot.settings import read
from connectors.identity.model import ModelKey, ModelToken
from connectors.kernel.chat import ChatModel
from connectors.prices import Prices
from connectors.wire import Wire
from orchestration.planning.draft import CAPABILITY
from tests.unit.bot.test_settings import AZURE, CLOUD, MODEL


def made(**given: str) -> ChatModel:
    model = model_of(read({**CLOUD, **given}))
    assert model is not None
    return model


def credential(model: ChatModel) -> object:
    transport = model._wire._transport
    assert isinstance(transport, Wire)
    return transport._credential


async def test_without_settings_there_is_no_model() -> None:
    assert model_of(read(CLOUD)) is None


async def test_a_model_is_what_the_settings_say() -> None:
    model = made(**MODEL, TANDEM_MODEL_CONTEXT="8000", TANDEM_MODEL_PRICES="1/2 EUR")
    assert (model.name, model.context_tokens) == ("qwen3:14b", 8_000)
    assert model._settings.prices == Prices(1.0, 2.0, 1.0, "EUR")
    assert isinstance(credential(model), ModelKey)
    await model.close()


async def test_azure_without_a_key_is_asked_with_the_bots_own_identity() -> None:
    model = made(**AZURE)
    assert isinstance(credential(model), ModelToken)
    await model.close()


async def test_azure_with_a_key_is_asked_with_it() -> None:
    model = made(**AZURE, TANDEM_MODEL_KEY="k")
    assert isinstance(credential(model), ModelKey)
    await model.close()


@pytest.mark.parametrize(("given", "offered"), [({}, False), (MODEL, True)])
async def test_plans_are_drawn_up_where_there_is_a_model(given: dict[str, str], offered: bool, tmp_path: Path) -> None:
    tandem = build(read({**CLOUD, **given, "TANDEM_DATA_DIR": str(tmp_path)}))
    assert (tandem._engine._registry.capability(CAPABILITY) is not None) is offered
    await tandem.stop()
