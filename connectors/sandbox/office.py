"""The office of the tenant: mailboxes, mail, calendars, chats. Loaded from the data folder, relative to a day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from connectors.sandbox.data import Tenant, report
from connectors.sandbox.days import day_of
from connectors.sandbox.events import Event, load_events
from connectors.sandbox.journal import Journal
from connectors.sandbox.mailbox_settings import Mailbox, load_mailboxes
from connectors.sandbox.messages import Message, load_mail
from connectors.sandbox.tables import Problems
from connectors.sandbox.talks import ChatMessage, Talk, Team, load_talks
from orchestration.errors import InvalidContent


class Office:
    """Everything that people write to each other; the journal keeps what was added since.

    Args:
        tenant: The tenant.
        folder: Its data folder.
        journal: Where writes go.
        today: The day to which the data's days are relative; None takes tenant.yml's, or else the present day.

    Raises:
        InvalidContent: Names every problem with its file, row and column.
    """

    def __init__(self, tenant: Tenant, folder: Path, journal: Journal, today: date | None = None) -> None:
        self.tenant = tenant
        self.journal = journal
        problems = Problems(folder)
        self.today = today or _today(tenant, folder, problems)
        self.mailboxes: dict[str, Mailbox] = load_mailboxes(
            folder / "mailboxes.csv", tenant.people, self.today, problems
        )
        messages = load_mail(folder / "mail", tenant.people, self.mailboxes, self.today, problems)
        events = load_events(folder / "events.csv", tenant.people, self.mailboxes, self.today, problems)
        talks = load_talks(folder, tenant, self.mailboxes, self.today, problems)
        if problems.found:
            raise InvalidContent(report(folder, problems.found))
        self.messages = journal.shelf("messages", Message)
        self.events = journal.shelf("events", Event)
        self.talks = journal.shelf("talks", Talk)
        self.chat_messages = journal.shelf("chat_messages", ChatMessage)
        self.teams: dict[str, Team] = {team.id: team for team in talks.teams}
        for message in messages:
            self.messages.seed(message.id, message)
        for event in events:
            self.events.seed(event.id, event)
        for talk in talks.talks:
            self.talks.seed(talk.id, talk)
        for said in talks.messages:
            self.chat_messages.seed(f"{said.talk}/{said.id}", said)


def _today(tenant: Tenant, folder: Path, problems: Problems) -> date:
    now = datetime.now(UTC).astimezone().date()
    try:
        return day_of(tenant.file.today, now) if tenant.file.today else now
    except ValueError as error:
        problems.add(folder / "tenant.yml", f"today: {error}")
        return now
