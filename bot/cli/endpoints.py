"""Every endpoint of the settings: whether it answers as what it should be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from bot.cli import outside
from bot.cli.finding import Finding, Mark
from bot.cli.probe import Seen, look

if TYPE_CHECKING:
    from bot.settings import Settings

_PART = "Endpoints"
_MOST_AHEAD_SECONDS = 240
_CHANNEL_SCOPE = "https://api.botframework.com/.default"
_SOON_DAYS = 14

Check = Callable[[], list[Finding]]


async def examine(settings: Settings, probe: str = "") -> list[Finding]:
    """Looks at all of them at the same time.

    Args:
        settings: Where they are.
        probe: Address that answers HEAD with 200 while the bot is up; its own health check if empty.
    """
    found = await asyncio.gather(*(asyncio.to_thread(check) for check in _checks(settings, probe)))
    return [finding for findings in found for finding in findings]


def _checks(settings: Settings, probe: str) -> list[Check]:
    odata = f"{settings.sap_url}/opu/odata/sap/API_SUPPLIERINVOICE_PROCESS_SRV/"
    checks: list[Check] = [
        partial(_authority, settings),
        partial(_secret, settings, "the bot", settings.app_id, settings.app_secret, "TANDEM_APP_SECRET"),
        partial(_channel, settings),
        partial(_answers, settings, "Token service", settings.token_service_url, "TANDEM_TOKEN_SERVICE_URL"),
        partial(_answers, settings, "Microsoft Graph", f"{settings.graph_url}/me", "TANDEM_GRAPH_URL", secured=True),
        partial(_answers, settings, "SAP", odata if settings.sap_url else "", "TANDEM_SAP_URL", secured=True),
        partial(_answers, settings, "SAP façade", settings.sap_facade_url, "TANDEM_SAP_FACADE_URL"),
        partial(_answers, settings, "SAP token endpoint", settings.sap_token_url, "TANDEM_SAP_TOKEN_URL"),
        partial(
            _answers,
            settings,
            "Dynamics 365 Finance",
            f"{settings.dynamics_url}/data/{settings.dynamics_entity}" if settings.dynamics_url else "",
            "TANDEM_DYNAMICS_URL",
            secured=True,
        ),
        partial(_bot, settings, probe),
        partial(outside.examine, settings),
    ]
    if settings.app_type != "SingleTenant":
        del checks[1]  # a managed identity has no secret to try
    return checks


def _found(mark: Mark, text: str, way_out: str = "") -> list[Finding]:
    return [Finding(_PART, mark, text, way_out)]


def _silent(name: str, url: str, variable: str, seen: Seen) -> list[Finding]:
    way_out = f"Is {variable} right, and may this machine reach it? On a laptop: is 'tandem up' running?"
    return _found("bad", f"{name} at {url}: {seen.problem}", way_out)


def _certificate(name: str, seen: Seen) -> list[Finding]:
    if seen.days is None:
        return []
    until = datetime.now(UTC) + timedelta(days=seen.days)
    if seen.days < _SOON_DAYS:
        return _found("note", f"{name}'s certificate ends in {seen.days:.0f} days.", "Renew it before.")
    return _found("good", f"{name}'s certificate is trusted, until {until:%Y-%m-%d}")


def _authority(settings: Settings) -> list[Finding]:
    url = f"{settings.bot_authority}/v2.0/.well-known/openid-configuration"
    seen = look(url, ca_file=settings.ca_file)
    if seen.problem:
        return _silent("Authority", settings.authority, "TANDEM_AUTHORITY (and TANDEM_CA_FILE)", seen)
    if seen.status != 200 or not isinstance(seen.body, dict) or "token_endpoint" not in seen.body:
        text = f"The authority does not know the tenant {settings.tenant_id} (status {seen.status})."
        return _found("bad", text, "Is TANDEM_TENANT_ID the directory (tenant) id of your Entra tenant?")
    findings = _found("good", f"Authority {settings.authority} knows the tenant")
    if seen.ahead_seconds is not None and abs(seen.ahead_seconds) > _MOST_AHEAD_SECONDS:
        text = f"This machine's clock is {seen.ahead_seconds:+.0f} s off the authority's; tokens will be refused."
        findings += _found("bad", text, "Set the clock (timedatectl set-ntp true).")
    return [*findings, *_certificate("The authority", seen)]


def _secret(settings: Settings, whose: str, app: str, secret: str, variable: str) -> list[Finding]:
    form = {"grant_type": "client_credentials", "client_id": app, "client_secret": secret, "scope": _CHANNEL_SCOPE}
    seen = look(f"{settings.bot_authority}/oauth2/v2.0/token", ca_file=settings.ca_file, form=form)
    if seen.problem:
        return []  # the authority is named already
    if seen.status == 200:
        return _found("good", f"The authority gives {whose} a token: app id and secret fit")
    why = seen.body.get("error_description", "") if isinstance(seen.body, dict) else ""
    said = str(why).splitlines()[0] if why else "no reason given"
    text = f"The authority gives {whose} no token (status {seen.status}): {said}"
    return _found("bad", text, f"Are TANDEM_APP_ID and {variable} those of the app registration, and not expired?")


def _channel(settings: Settings) -> list[Finding]:
    url = settings.channel_metadata_url
    seen = look(url)
    if seen.problem:
        return _silent("Channel metadata", url, "TANDEM_CHANNEL_METADATA_URL", seen)
    keys = seen.body.get("jwks_uri") if isinstance(seen.body, dict) else None
    if seen.status != 200 or not keys:
        return _found(
            "bad", f"{url} is no OpenID metadata (status {seen.status}).", "Check TANDEM_CHANNEL_METADATA_URL."
        )
    jwks = look(str(keys))
    if jwks.status != 200 or not isinstance(jwks.body, dict) or not jwks.body.get("keys"):
        return _found(
            "bad", f"The channel's signing keys at {keys} cannot be read.", "Without them every message is refused."
        )
    issuer = seen.body.get("issuer")
    if issuer != settings.channel_issuer:
        text = f"The channel's issuer is {issuer}, but TANDEM_CHANNEL_ISSUER says {settings.channel_issuer}."
        return _found("bad", text, "Set both for the same channel.")
    return _found("good", f"Channel metadata, with {len(jwks.body['keys'])} signing keys") + _certificate(
        "The channel", seen
    )


def _answers(settings: Settings, name: str, url: str, variable: str, *, secured: bool = False) -> list[Finding]:
    """Any answer but a failure will do; what is `secured` must refuse a request without a token."""
    if not url:
        return _found("off", f"{name}: not used ({variable} is empty)")
    seen = look(url, ca_file=settings.ca_file if settings.local and url.startswith("https") else "")
    if seen.problem:
        return _silent(name, url, variable, seen)
    if seen.status >= 500:
        return _found("bad", f"{name} answers with status {seen.status}: {url}", "Try again later, or ask who runs it.")
    if secured and seen.status in (401, 403):
        return _found("good", f"{name} answers, and wants a token") + _certificate(name, seen)
    if secured:
        text = f"{name} answers with status {seen.status} where it should ask for a token: {url}"
        return _found("note" if seen.status != 200 else "bad", text, f"Does {variable} point to the API itself?")
    return _found("good", f"{name} answers") + _certificate(name, seen)


def _bot(settings: Settings, probe: str) -> list[Finding]:
    url = probe or f"http://{settings.host}:{settings.port}/healthz"
    seen = look(url, head=bool(probe))
    if seen.status == 200:
        return _found("good", f"The bot is up: {url}")
    if seen.problem:
        return _found(
            "note", f"The bot at {url}: {seen.problem}.", "Start it: tandem serve (or tandem up for everything)"
        )
    if probe:
        return _found(
            "note", "The bot of this sandbox does not answer.", "Start it: tandem serve, with the same --state"
        )
    return _found("bad", f"The bot answers with status {seen.status}: {url}", "Its log says why.")
