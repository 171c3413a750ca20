"""The deployment's settings, read from the environment once and whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

from bot import checks
from connectors.http import is_loopback
from orchestration.core.label import LABELS
from orchestration.errors import Invalid

# Where sign-in links of the token service lead, also in its regions.
SIGN_IN_HOSTS = ("token.botframework.com", "*.token.botframework.com")


class InvalidSettings(Invalid):
    """The environment does not describe a deployment; `problems` names every variable that is wrong."""

    code = "invalid_settings"

    def __init__(self, problems: list[str]) -> None:
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(
            f"The settings do not fit:\n{lines}\n"
            "Set these environment variables and start again; on a laptop, 'tandem up' sets all of them."
        )
        self.problems = problems


def _setting(
    env: str,
    doc: str,
    *,
    default: str | None = "",
    check: checks.Check = checks.anything,
    group: str = "",
    secret: bool = False,
) -> Any:
    """One setting; `default=None` makes it required, `group` required as soon as another of the group is set."""
    metadata = {"env": env, "doc": doc, "default": default, "check": check, "group": group, "secret": secret}
    return field(metadata=metadata, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that differs between deployments. An empty text means: not used, or as the cloud has it.

    Each field's metadata holds its variable (`env`), what it is for (`doc`), and its default; None is required.
    """

    host: str = _setting("TANDEM_HOST", "Address that the bot listens on.", default="127.0.0.1")
    port: str = _setting("TANDEM_PORT", "Port that the bot listens on.", default="3978", check=checks.port)
    data_dir: str = _setting("TANDEM_DATA_DIR", "Folder of the event log.", default=".tandem")
    anchors_dir: str = _setting(
        "TANDEM_ANCHORS_DIR",
        "Folder in which heads of runs are kept outside the log, best where the log's writers cannot change it; "
        "empty: `anchors` in the data folder.",
    )
    database_url: str = _setting(
        "TANDEM_DATABASE_URL",
        "PostgreSQL database of the event log (postgresql://USER@HOST:5432/DATABASE?sslmode=require); "
        "empty: a SQLite file in that folder.",
        check=checks.database,
        secret=True,
    )
    database_login: str = _setting(
        "TANDEM_DATABASE_LOGIN",
        "How the bot logs in there: as the URL says, or with an Entra token of its own identity (entra).",
        default="url",
        check=checks.one_of("url", "entra"),
    )
    log_level: str = _setting(
        "TANDEM_LOG_LEVEL",
        "How much is logged.",
        default="INFO",
        check=checks.one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    )
    policy: str = _setting(
        "TANDEM_POLICY",
        "Policy file of this deployment: what Tandem may do, where links may lead, who may see what; "
        "empty: the one that comes along.",
        check=checks.file,
    )
    tenant_id: str = _setting(
        "TANDEM_TENANT_ID", "The Entra tenant whose people are served.", default=None, check=checks.guid
    )

    app_id: str = _setting(
        "TANDEM_APP_ID", "The bot's own app registration (client id).", default=None, check=checks.guid
    )
    app_type: str = _setting(
        "TANDEM_APP_TYPE",
        "How the bot proves who it is: with a secret, or as a user-assigned managed identity.",
        default="SingleTenant",
        check=checks.one_of("SingleTenant", "UserAssignedMSI"),
    )
    app_secret: str = _setting("TANDEM_APP_SECRET", "The bot's client secret, for SingleTenant.", secret=True)
    sso_app_id: str = _setting(
        "TANDEM_SSO_APP_ID",
        "The app registration that people sign in to and that acts on their behalf.",
        default=None,
        check=checks.guid,
    )
    sso_app_secret: str = _setting(
        "TANDEM_SSO_APP_SECRET",
        "Its client secret; empty with UserAssignedMSI: it trusts the managed identity (federated credential).",
        secret=True,
    )
    oauth_connection: str = _setting(
        "TANDEM_OAUTH_CONNECTION", "Name of the bot's OAuth connection for that registration.", default="tandem"
    )

    authority: str = _setting(
        "TANDEM_AUTHORITY",
        "Where Entra tokens come from.",
        default="https://login.microsoftonline.com",
        check=checks.url,
    )
    ca_file: str = _setting("TANDEM_CA_FILE", "Trust root of a local authority; empty in the cloud.", check=checks.file)
    channel_metadata_url: str = _setting(
        "TANDEM_CHANNEL_METADATA_URL",
        "OpenID metadata of the Bot Framework channel.",
        default="https://login.botframework.com/v1/.well-known/openidconfiguration",
        check=checks.url,
    )
    channel_issuer: str = _setting(
        "TANDEM_CHANNEL_ISSUER", "Issuer of the channel's tokens.", default="https://api.botframework.com"
    )
    token_service_url: str = _setting(
        "TANDEM_TOKEN_SERVICE_URL",
        "The Bot Framework token service, which keeps people's sign-ins.",
        default="https://api.botframework.com",
        check=checks.url,
    )

    graph_url: str = _setting(
        "TANDEM_GRAPH_URL", "Microsoft Graph.", default="https://graph.microsoft.com/v1.0", check=checks.url
    )
    graph_scope: str = _setting(
        "TANDEM_GRAPH_SCOPE", "What Graph tokens are asked for.", default="https://graph.microsoft.com/.default"
    )
    sharepoint_host: str = _setting(
        "TANDEM_SHAREPOINT_HOST",
        "The tenant's SharePoint (contoso.sharepoint.com), to which links in answers and mails may lead; "
        "OneDrive's host goes with it.",
        check=checks.host,
    )
    sap_url: str = _setting("TANDEM_SAP_URL", "SAP's OData root; empty: no SAP.", check=checks.url, group="SAP")
    sap_facade_url: str = _setting(
        "TANDEM_SAP_FACADE_URL", "API façade that trades an Entra token for SAML.", check=checks.url, group="SAP"
    )
    sap_facade_scope: str = _setting("TANDEM_SAP_FACADE_SCOPE", "What its tokens are asked for.", group="SAP")
    sap_token_url: str = _setting("TANDEM_SAP_TOKEN_URL", "SAP's OAuth token endpoint.", check=checks.url, group="SAP")
    sap_client_id: str = _setting("TANDEM_SAP_CLIENT_ID", "Tandem's OAuth client in SAP.", group="SAP")
    sap_client_secret: str = _setting("TANDEM_SAP_CLIENT_SECRET", "Its secret.", group="SAP", secret=True)
    sap_export_site: str = _setting(
        "TANDEM_SAP_EXPORT_SITE",
        "SharePoint site of SAP's nightly export, read while SAP is down; empty: none.",
        group="SAP export",
    )
    sap_export_path: str = _setting(
        "TANDEM_SAP_EXPORT_PATH", "Path of the export (CSV) in the site's library.", group="SAP export"
    )
    sap_label: str = _setting(
        "TANDEM_SAP_LABEL",
        "How sensitive SAP's data is: public, internal, confidential or highly_confidential.",
        default="confidential",
        check=checks.one_of(*LABELS),
    )
    dynamics_url: str = _setting(
        "TANDEM_DYNAMICS_URL", "Dynamics 365 Finance; empty: no Dynamics.", check=checks.url, group="Dynamics"
    )
    dynamics_scope: str = _setting(
        "TANDEM_DYNAMICS_SCOPE",
        "What its tokens are asked for (https://ENVIRONMENT.operations.dynamics.com/.default).",
        group="Dynamics",
    )
    dynamics_entity: str = _setting(
        "TANDEM_DYNAMICS_ENTITY", "Entity set of the vendor invoices.", default="VendorInvoiceHeaders"
    )
    dynamics_label: str = _setting(
        "TANDEM_DYNAMICS_LABEL",
        "How sensitive Dynamics' data is: public, internal, confidential or highly_confidential.",
        default="confidential",
        check=checks.one_of(*LABELS),
    )
    model_url: str = _setting(
        "TANDEM_MODEL_URL",
        "Language model that draws up plans: its API (https://HOST/v1), with azure the resource "
        "(https://NAME.openai.azure.com); empty: playbooks only.",
        check=checks.base,
        group="the language model",
    )
    model_name: str = _setting(
        "TANDEM_MODEL_NAME",
        "Model, or with azure its deployment.",
        check=checks.printable,
        group="the language model",
    )
    model_kind: str = _setting(
        "TANDEM_MODEL_KIND",
        "What it speaks: OpenAI's protocol (openai), or that of Azure OpenAI (azure).",
        default="openai",
        check=checks.one_of("openai", "azure"),
    )
    model_key: str = _setting(
        "TANDEM_MODEL_KEY",
        "Its key; empty: none is needed or, with azure, the bot's own identity is used.",
        check=checks.printable,
        secret=True,
    )
    model_api_version: str = _setting(
        "TANDEM_MODEL_API_VERSION", "Version of Azure OpenAI's API.", default="2024-10-21", check=checks.printable
    )
    model_context: str = _setting(
        "TANDEM_MODEL_CONTEXT",
        "Tokens that the model can read and write in one call.",
        default="32000",
        check=checks.number(2_000, 10_000_000),
    )
    model_timeout: str = _setting(
        "TANDEM_MODEL_TIMEOUT",
        "Seconds without a word of the model after which a call is given up.",
        default="60",
        check=checks.number(1, 300),
    )
    model_prices: str = _setting(
        "TANDEM_MODEL_PRICES",
        "Prices of a million tokens read, written and read again (2.50/10.00/1.25 EUR); empty: no costs are shown.",
        check=checks.prices,
    )
    public_url: str = _setting(
        "TANDEM_PUBLIC_URL",
        "Where this bot is reached from outside, for its lists and the answers of approval systems; "
        "empty: only from this machine.",
        check=checks.origin,
    )
    api_audience: str = _setting(
        "TANDEM_API_AUDIENCE",
        "Identifier URI of the sign-in registration, if it is not api://botid-ID (api://HOST/ID).",
    )
    api_clients: str = _setting(
        "TANDEM_API_CLIENTS",
        "Ids of the applications that may read the lists for a person, with commas between them; "
        "Teams and the sign-in registration may anyway.",
        check=checks.guids,
    )
    teams_app_id: str = _setting(
        "TANDEM_TEAMS_APP_ID",
        "Id of the Teams app (of its manifest, or of your catalogue), for links with which people add it.",
        check=checks.guid,
    )

    @property
    def bot_authority(self) -> str:
        """The authority with the tenant, where the bot's own tokens come from."""
        return f"{self.authority.rstrip('/')}/{self.tenant_id}"

    @property
    def own_identity(self) -> dict[str, str]:
        """What the bot gets tokens for itself with; no secret means a managed identity."""
        secret = self.app_secret if self.app_type == "SingleTenant" else ""
        return {
            "tenant_id": self.tenant_id,
            "client_id": self.app_id,
            "client_secret": secret,
            "authority": self.authority,
        }

    @property
    def has_model(self) -> bool:
        """Whether a language model draws up plans where no playbook fits."""
        return bool(self.model_url)

    @property
    def systems(self) -> list[str]:
        """Addresses to whose hosts links in what goes out may lead: of the systems that people work with."""
        name, _, rest = self.sharepoint_host.partition(".")
        own = [self.sap_url, self.dynamics_url, self.sharepoint_host]
        one_drive = [f"{name}-my.{rest}"] if rest == "sharepoint.com" else []
        return [each for each in (*own, *one_drive) if each]

    @property
    def sign_in_pages(self) -> list[str]:
        """Addresses to whose hosts the buttons of sign-in cards may lead, and nothing else.

        These hosts send a reader on to whatever address a link names: in a text they would open every door.
        """
        return [self.authority, self.token_service_url, *SIGN_IN_HOSTS]

    @property
    def local(self) -> bool:
        """Whether tokens come from an authority on this machine."""
        return is_loopback(self.authority)


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of the environment; an empty variable counts as not set.

    Raises:
        InvalidSettings: Variables are missing or wrong; all of them are named at once.
    """
    given = {name: value.strip() for name, value in (os.environ if environ is None else environ).items()}
    values: dict[str, str] = {}
    problems: list[str] = []
    used = {group for each in fields(Settings) if (group := each.metadata["group"]) and given.get(each.metadata["env"])}
    for each in fields(Settings):
        value, problem = _value(each, given.get(each.metadata["env"], ""), used)
        values[each.name] = value
        if problem:
            problems.append(f"{each.metadata['env']} {problem}")
    if values["app_type"] == "SingleTenant" and not values["app_secret"]:
        problems.append(
            "TANDEM_APP_SECRET is missing: the bot's client secret (or set TANDEM_APP_TYPE=UserAssignedMSI)"
        )
    if values["app_type"] == "SingleTenant" and not values["sso_app_secret"]:
        problems.append(
            "TANDEM_SSO_APP_SECRET is missing: the client secret of the registration that people sign in to (only a "
            "managed identity, TANDEM_APP_TYPE=UserAssignedMSI, can do without)"
        )
    if not problems and (wrong := checks.model(values["model_url"], values["model_name"], values["model_kind"])):
        problems.append(wrong)
    if problems:
        raise InvalidSettings(problems)
    return Settings(**values)


def _value(each: Field[Any], given: str, used: set[str]) -> tuple[str, str]:
    about = each.metadata
    if not given:
        if about["default"] is None:
            return "", f"is missing: {about['doc']}"
        if not about["default"] and about["group"] in used:
            return "", f"is missing: {about['doc']} ({about['group']} needs all of its variables, or none)"
        return about["default"], ""
    problem = about["check"](given)
    shown = "" if about["secret"] else f" ({given!r})"
    return given, f"{problem}{shown}: {about['doc']}" if problem else ""
