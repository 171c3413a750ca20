from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from bot.settings import InvalidSettings, Settings, read

GUID = "11111111-1111-4111-8111-111111111111"
CLOUD = {
    "TANDEM_TENANT_ID": GUID,
    "TANDEM_APP_ID": GUID,
    "TANDEM_APP_SECRET": "bot-secret",
    "TANDEM_SSO_APP_ID": GUID,
    "TANDEM_SSO_APP_SECRET": "sso-secret",
}


def problems(**more: str) -> list[str]:
    with pytest.raises(InvalidSettings) as caught:
        read({**CLOUD, **more})
    return caught.value.problems


def test_the_cloud_needs_five_variables_and_has_microsofts_addresses() -> None:
    settings = read(CLOUD)
    assert settings.authority == "https://login.microsoftonline.com"
    assert settings.graph_url == "https://graph.microsoft.com/v1.0"
    assert settings.token_service_url == "https://api.botframework.com"
    assert settings.bot_authority == f"https://login.microsoftonline.com/{GUID}"
    assert settings.port == "3978"
    assert not settings.local


def test_everything_that_is_missing_is_named_at_once_with_the_way_out() -> None:
    with pytest.raises(InvalidSettings) as caught:
        read({})
    for name in CLOUD:
        assert f"{name} is missing" in caught.value.message
    assert "tandem up" in caught.value.message


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("TANDEM_TENANT_ID", "contoso", "is not a GUID"),
        ("TANDEM_PORT", "0", "is not a port number"),
        ("TANDEM_PORT", "abc", "is not a port number"),
        ("TANDEM_GRAPH_URL", "graph", "is not a URL"),
        ("TANDEM_GRAPH_URL", "http://[", "is not a URL"),
        ("TANDEM_GRAPH_URL", "https://graph.example:port", "is not a URL"),
        ("TANDEM_GRAPH_URL", "https://graph.microsoft.com@evil.example", "is not a URL"),
        ("TANDEM_GRAPH_URL", "http://graph.example", "must be https"),
        ("TANDEM_CA_FILE", "/no/such/file.pem", "is not a file"),
        ("TANDEM_APP_TYPE", "MultiTenant", "must be one of SingleTenant, UserAssignedMSI"),
        ("TANDEM_LOG_LEVEL", "LOUD", "must be one of"),
        ("TANDEM_DATABASE_LOGIN", "token", "must be one of url, entra"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(name: str, value: str, why: str) -> None:
    (problem,) = problems(**{name: value})
    assert problem.startswith(name)
    assert why in problem
    assert value in problem


def test_plain_http_is_for_this_machine() -> None:
    assert read({**CLOUD, "TANDEM_AUTHORITY": "https://localhost:56200"}).local
    assert read({**CLOUD, "TANDEM_GRAPH_URL": "http://127.0.0.1:56201/graph"}).graph_url.startswith("http://")


def test_a_system_needs_all_of_its_variables_or_none() -> None:
    found = problems(TANDEM_SAP_URL="https://sap.example")
    assert [problem.split()[0] for problem in found] == [
        "TANDEM_SAP_FACADE_URL",
        "TANDEM_SAP_FACADE_SCOPE",
        "TANDEM_SAP_TOKEN_URL",
        "TANDEM_SAP_CLIENT_ID",
        "TANDEM_SAP_CLIENT_SECRET",
    ]


def test_a_managed_identity_needs_no_secret() -> None:
    without = {name: value for name, value in CLOUD.items() if name != "TANDEM_APP_SECRET"}
    assert read({**without, "TANDEM_APP_TYPE": "UserAssignedMSI"}).app_secret == ""
    with pytest.raises(InvalidSettings, match="TANDEM_APP_SECRET is missing"):
        read(without)


def test_secrets_are_not_shown() -> None:
    shown = repr(read(CLOUD))
    assert "bot-secret" not in shown
    assert "sso-secret" not in shown


def test_every_setting_is_documented_and_has_its_own_variable() -> None:
    about = [each.metadata for each in fields(Settings)]
    assert all(each["doc"].endswith(".") for each in about)
    assert len({each["env"] for each in about}) == len(about)


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    assert read({**CLOUD, "TANDEM_PORT": " ", "TANDEM_CA_FILE": ""}).port == "3978"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://tandem@db.example/tandem",
        "postgres://tandem:hunter2@db.example:5432/tandem?sslmode=verify-full",
        "postgresql:///tandem?host=/run/postgresql",
        "postgresql://one.example:5432,two.example:5432/tandem",
    ],
)
def test_the_database_may_be_anywhere(url: str) -> None:
    assert read({**CLOUD, "TANDEM_DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize(
    "url", ["db.example", "mysql://u:hunter2@h/d", "postgresql://", "postgresql://u:hunter2@[::1/d"]
)
def test_a_wrong_database_is_named_without_its_secret(url: str) -> None:
    (problem,) = problems(TANDEM_DATABASE_URL=url)
    assert "TANDEM_DATABASE_URL is not a URL such as postgresql://" in problem
    assert "hunter2" not in problem


def test_the_bots_own_identity_has_a_secret_only_if_it_is_a_registration() -> None:
    assert read(CLOUD).own_identity["client_secret"] == "bot-secret"
    assert read({**CLOUD, "TANDEM_APP_TYPE": "UserAssignedMSI"}).own_identity["client_secret"] == ""


def test_without_a_model_there_is_none_and_nothing_else_changes() -> None:
    settings = read(CLOUD)
    assert not settings.has_model
    assert (settings.model_kind, settings.model_timeout) == ("openai", "60")


MODEL = {"TANDEM_MODEL_URL": "http://127.0.0.1:11434/v1", "TANDEM_MODEL_NAME": "qwen3:14b"}
AZURE = {
    "TANDEM_MODEL_KIND": "azure",
    "TANDEM_MODEL_URL": "https://contoso.openai.azure.com",
    "TANDEM_MODEL_NAME": "gpt-4.1",
}


@pytest.mark.parametrize(
    "given",
    [
        MODEL,
        AZURE,
        {**AZURE, "TANDEM_MODEL_URL": "https://contoso.openai.azure.com/"},
        {**AZURE, "TANDEM_MODEL_PRICES": "2.50/10.00/1.25 EUR", "TANDEM_MODEL_CONTEXT": "128000"},
        {**MODEL, "TANDEM_MODEL_URL": "https://contoso.openai.azure.com/openai/v1/", "TANDEM_MODEL_KEY": "k"},
    ],
)
def test_a_model_needs_an_address_and_a_name(given: dict[str, str]) -> None:
    assert read({**CLOUD, **given}).has_model


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({**MODEL, "TANDEM_MODEL_NAME": ""}, "TANDEM_MODEL_NAME is missing"),
        ({**MODEL, "TANDEM_MODEL_URL": ""}, "TANDEM_MODEL_URL is missing"),
        ({**MODEL, "TANDEM_MODEL_URL": "http://models.example/v1"}, "TANDEM_MODEL_URL must be https"),
        ({**MODEL, "TANDEM_MODEL_URL": "https://m.example/v1/chat/completions"}, "must end before"),
        ({**MODEL, "TANDEM_MODEL_URL": "https://m.example/v1?key=1"}, "must end before"),
        ({**MODEL, "TANDEM_MODEL_URL": "https://contoso.openai.azure.com"}, "set TANDEM_MODEL_KIND=azure"),
        ({**AZURE, "TANDEM_MODEL_URL": "https://contoso.openai.azure.com/openai/v1"}, "without a path"),
        ({**AZURE, "TANDEM_MODEL_NAME": "a/../b"}, "no name of a deployment"),
        ({"TANDEM_MODEL_KIND": "azure"}, "TANDEM_MODEL_URL is missing"),
        ({**MODEL, "TANDEM_MODEL_KIND": "anthropic"}, "must be one of openai, azure"),
        ({**MODEL, "TANDEM_MODEL_CONTEXT": "1999"}, "whole number from 2000"),
        ({**MODEL, "TANDEM_MODEL_CONTEXT": "128k"}, "whole number from 2000"),
        ({**MODEL, "TANDEM_MODEL_TIMEOUT": "0"}, "whole number from 1"),
        ({**MODEL, "TANDEM_MODEL_PRICES": "2,50 EUR"}, "2.50/10.00/1.25 EUR"),
        ({**MODEL, "TANDEM_MODEL_KEY": "two words"}, "TANDEM_MODEL_KEY has characters"),
    ],
)
def test_a_model_that_does_not_fit_is_named_with_the_way_out(given: dict[str, str], why: str) -> None:
    (problem,) = problems(**given)
    assert why in problem


def test_the_models_key_is_shown_nowhere() -> None:
    key = "ключ-secret"
    assert key not in str(problems(**MODEL, TANDEM_MODEL_KEY=key))
    assert "hidden" not in repr(read({**CLOUD, **MODEL, "TANDEM_MODEL_KEY": "hidden"}))
