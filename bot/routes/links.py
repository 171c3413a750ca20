"""Links that lead a person to their own chat with Tandem, and to nothing else: they never decide anything.

Source: Microsoft Learn, "Deep link to a Teams chat" and "Deep link to an application".
"""

from __future__ import annotations

from urllib.parse import quote

TEAMS = "https://teams.microsoft.com"


class Links:
    """Deep links of this deployment.

    Args:
        app_id: The bot's own app registration: its name in Teams is `28:` with this id.
        tenant_id: The tenant in which Teams opens them.
        teams_app_id: The id of the Teams app (of its manifest, or of the organisation's catalogue); may be empty.
    """

    def __init__(self, app_id: str, tenant_id: str, teams_app_id: str = "") -> None:
        tenant = quote(tenant_id, safe="")
        self.chat = f"{TEAMS}/l/chat/0/0?users=28:{quote(app_id, safe='')}&tenantId={tenant}"
        self.install = f"{TEAMS}/l/app/{quote(teams_app_id, safe='')}?tenantId={tenant}" if teams_app_id else ""
