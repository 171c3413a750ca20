"""What the value of a setting must be; each check says what is wrong with it, or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from connectors.http import is_loopback
from connectors.prices import read_prices
from orchestration.validation.hosts import pattern_problem

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
Check = Callable[[str], str]

_DEPLOYMENT = re.compile(r"[A-Za-z0-9._-]{1,64}")
_AZURE_HOSTS = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")


def guid(value: str) -> str:
    return "" if GUID.fullmatch(value) else "is not a GUID such as 11111111-2222-3333-4444-555555555555"


def url(value: str) -> str:
    wrong = "is not a URL such as https://example.com"
    try:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.port == 0:
            return wrong
    except ValueError:
        return wrong
    if parts.scheme == "http" and not is_loopback(value):
        return "must be https: http is for this machine only"
    return ""


def database(value: str) -> str:
    wrong = "is not a URL such as postgresql://user@host:5432/database?sslmode=require"
    try:
        parts = urlsplit(value)
        host = parts.hostname or parse_qs(parts.query).get("host")
    except ValueError:
        return wrong
    return "" if parts.scheme in ("postgresql", "postgres") and host else wrong


def file(value: str) -> str:
    return "" if Path(value).is_file() else "is not a file that exists"


def origin(value: str) -> str:
    wrong = url(value)
    return wrong or ("" if urlsplit(value).path in ("", "/") else "must be without a path: https://tandem.example.com")


def base(value: str) -> str:
    parts = urlsplit(value) if not url(value) else None
    if parts is not None and (parts.query or parts.fragment or parts.path.rstrip("/").endswith("/chat/completions")):
        return "must end before '/chat/completions', without '?' and '#': https://example.com/v1"
    return url(value)


def number(least: int, most: int) -> Check:
    wrong = f"must be a whole number from {least} to {most}"
    return lambda value: "" if value.isdecimal() and least <= int(value) <= most else wrong


def prices(value: str) -> str:
    wrong = "must be prices of a million tokens read, written and (if you like) read again: 2.50/10.00/1.25 EUR"
    return "" if read_prices(value) else wrong


def printable(value: str) -> str:
    return "" if value.isascii() and value.isprintable() and " " not in value else "has characters that no key has"


def guids(value: str) -> str:
    wrong = [each for each in value.replace(",", " ").split() if guid(each)]
    return "must be GUIDs with commas between them" if wrong else ""


def port(value: str) -> str:
    return "" if value.isdecimal() and 0 < int(value) < 65536 else "is not a port number (1 to 65535)"


def one_of(*choices: str) -> Check:
    return lambda value: "" if value in choices else f"must be one of {', '.join(choices)}"


def host(value: str) -> str:
    return pattern_problem(value)


def anything(_: str) -> str:
    return ""


def model(url: str, name: str, kind: str) -> str:
    """What does not fit together of the variables of the language model."""
    address = urlsplit(url)
    if kind == "azure":
        if not url:
            return "TANDEM_MODEL_URL is missing: TANDEM_MODEL_KIND=azure needs the resource and the deployment"
        if "/openai" in address.path:
            alone = f"{address.scheme}://{address.netloc}"
            return f"TANDEM_MODEL_URL must be the resource alone with TANDEM_MODEL_KIND=azure, without a path: {alone}"
        if not _DEPLOYMENT.fullmatch(name):
            return "TANDEM_MODEL_NAME is no name of a deployment: letters, digits, '.', '_' and '-'"
    elif (address.hostname or "").endswith(_AZURE_HOSTS) and not address.path.strip("/"):
        return (
            "TANDEM_MODEL_URL is an Azure OpenAI resource: set TANDEM_MODEL_KIND=azure (or, with a key, end the URL "
            "with /openai/v1)"
        )
    return ""
