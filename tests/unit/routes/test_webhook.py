"""What leaves for an approval system is signed, goes nowhere else, and believes nothing of what comes back."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from bot.routes import outside
from bot.routes.signature import SIGNATURE, TIMESTAMP, Keys, fits, sign
from bot.routes.webhook import Webhooks
from orchestration.errors import Invalid, Refused, TandemError, Unavailable
from orchestration.validation.policy import ApprovalSystem
from tests.unit.routes.bureau import ENVIRON, KEY, System

NOW = 1_795_000_000


@pytest.fixture
async def system() -> AsyncIterator[System]:
    made = System()
    async with made.listening():
        yield made


def named(url: str, **more: Any) -> ApprovalSystem:
    fields = {"secret_setting": "TANDEM_APPROVALS_SECRET", "titles": ["Pay"], **more}
    return ApprovalSystem(name="Ledger", url=url, **fields)


async def post(url: str, *, local: bool = True, keys: Keys | None = None, **more: Any) -> None:
    addresses = more.pop("addresses", None)

    async def found(host: str, port: int) -> list[str]:
        return addresses if addresses is not None else await outside.resolve(host, port)

    webhooks = Webhooks(keys or Keys(ENVIRON), local=local, resolve=found, now=lambda: float(NOW))
    try:
        await webhooks.post(named(url, **more), {"type": "question", "n": 1})
    finally:
        await webhooks.close()


async def test_the_body_is_signed_as_the_page_says(system: System) -> None:
    await post(system.url)
    ((headers, body),) = system.taken
    said = f"tandem-question-v1\nLedger\n{NOW}\n".encode() + body
    assert headers[TIMESTAMP] == str(NOW)
    assert headers[SIGNATURE] == "v1=" + hmac.new(KEY.encode(), said, hashlib.sha256).hexdigest()
    assert headers["Host"] == system.url.split("/")[2]


def test_a_signature_holds_for_one_purpose_system_time_and_body() -> None:
    key = KEY.encode()
    good = sign(key, "answer", "Ledger", "1", b"{}")
    assert fits([key], good, "answer", "Ledger", "1", b"{}")
    assert fits([b"new" * 20, key], good, "answer", "Ledger", "1", b"{}")
    assert not fits([key], good, "question", "Ledger", "1", b"{}")
    assert not fits([key], good, "answer", "Other", "1", b"{}")
    assert not fits([key], good, "answer", "Ledger", "2", b"{}")
    assert not fits([key], good, "answer", "Ledger", "1", b"{ }")
    assert not fits([key], "", "answer", "Ledger", "1", b"{}")
    assert not fits([], good, "answer", "Ledger", "1", b"{}")


@pytest.mark.parametrize(
    ("environ", "setting", "why"),
    [
        ({}, "TANDEM_APPROVALS_SECRET", "is not set"),
        ({"TANDEM_APPROVALS_SECRET": " "}, "TANDEM_APPROVALS_SECRET", "is not set"),
        ({"TANDEM_APPROVALS_SECRET": "short"}, "TANDEM_APPROVALS_SECRET", "32 or more"),
        ({"TANDEM_APP_SECRET": "x" * 40}, "TANDEM_APP_SECRET", "must begin with TANDEM_APPROVAL"),
        ({"TANDEM_APPROVALS_SECRET": f"{KEY} short"}, "TANDEM_APPROVALS_SECRET", "32 or more"),
    ],
)
def test_a_key_that_will_not_do_is_named(environ: dict[str, str], setting: str, why: str) -> None:
    with pytest.raises(Invalid, match=why) as caught:
        Keys(environ).of(named("https://ledger.example", secret_setting=setting))
    assert not any(value.strip() and value in caught.value.message for value in environ.values())


async def test_redirects_are_not_followed(system: System) -> None:
    system.answers = [web.Response(status=307, headers={"Location": system.url})]
    with pytest.raises(Refused, match="sends us elsewhere"):
        await post(system.url)
    assert system.taken == []


@pytest.mark.parametrize(("status", "error"), [(429, Unavailable), (503, Unavailable), (401, TandemError)])
async def test_what_does_not_take_it_is_an_error(system: System, status: int, error: type[Exception]) -> None:
    system.answers = [web.Response(status=status, headers={"Retry-After": "7"}, text="secret of the inside")]
    with pytest.raises(error) as caught:
        await post(system.url)
    assert "inside" not in str(caught.value)
    if error is Unavailable:
        assert caught.value.retry_after is not None  # type: ignore[attr-defined]


async def test_nobody_there_is_an_outage(unused_tcp_port: int) -> None:
    with pytest.raises(Unavailable):
        await post(f"http://127.0.0.1:{unused_tcp_port}/hook")


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "127.0.0.1", "0.0.0.0", "224.0.0.1",
        "240.0.0.1", "::1", "::", "fe80::1", "fd00:ec2::254", "::ffff:169.254.169.254", "::ffff:127.0.0.1",
        "2002:a9fe:a9fe::1", "ff02::1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("local", [True, False])
async def test_a_host_that_leads_to_metadata_or_this_machine_is_not_called(address: str, local: bool) -> None:
    with pytest.raises(Refused, match="not called"):
        await post("https://ledger.example/hook", local=local, addresses=["203.0.113.7", address])


@pytest.mark.parametrize(
    "url",
    [
        "http://ledger.example/hook", "https://169.254.169.254/metadata/instance", "https://[fe80::1]/", "ftp://ledger.example/",
        "https://user:pass@ledger.example/", "https://ledger.example\\@evil.example/", "https://0x7f.1/", "file:///etc/passwd",
        "http://127.0.0.1:42356/msi/token", "https://127.0.0.1/", "https://localhost/", "https://2130706433/",
        "https://[::ffff:169.254.169.254]/", "https://ledger.example:0/", "gopher://169.254.169.254/",
    ],
)  # fmt: skip
async def test_an_address_that_is_not_an_outside_https_one_is_refused_in_the_cloud(url: str) -> None:
    with pytest.raises((Refused, Unavailable)):
        await post(url, local=False)


async def test_the_address_that_was_checked_is_the_one_that_is_called(system: System) -> None:
    """A name that is looked up twice could be another machine's by then."""
    asked: list[str] = []

    async def once(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    webhooks = Webhooks(Keys(ENVIRON), local=True, resolve=once, now=lambda: float(NOW))
    await webhooks.post(named(system.url.replace("127.0.0.1", "localhost")), {})
    await webhooks.close()
    assert asked == ["localhost"]
    assert system.taken[0][0]["Host"].startswith("localhost:")


async def test_an_endless_answer_is_not_read(system: System) -> None:
    system.answers = [web.Response(status=200, body=b"x" * 5_000_000)]
    await post(system.url)


@pytest.mark.parametrize(("name", "taken"), [("localhost", 1), ("elsewhere.example", 0)])
async def test_the_certificate_must_be_that_of_the_name_in_the_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, taken: int
) -> None:
    """Though the address is called that was checked."""
    authority, system = trustme.CA(), System()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(tls)
    async with system.listening(tls):
        if taken:
            await post(system.url, addresses=["127.0.0.1"])
        else:
            with pytest.raises(Unavailable):
                await post(system.url, addresses=["127.0.0.1"])
    assert len(system.taken) == taken


async def test_an_address_of_the_sixth_version_can_be_called() -> None:
    system = System()
    async with system.listening(host="::1"):
        await post(system.url, addresses=["::1"])
    assert len(system.taken) == 1
