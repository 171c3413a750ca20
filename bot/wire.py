"""A message as the channel takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from botbuilder.schema import (
    Activity,
    Attachment,
    CardAction,
    ChannelAccount,
    ConversationAccount,
    ConversationReference,
    Entity,
    SuggestedActions,
)

from bot.compat import MessageEntity
from bot.conversations import Conversation
from bot.language import say
from bot.texts import clean
from orchestration.core.label import Source

CARD = "application/vnd.microsoft.card.adaptive"
OAUTH_CARD = "application/vnd.microsoft.card.oauth"
MOST_CITATIONS = 10  # the Playground takes no more; Teams shows 20
_LONGEST_NAME = 80
_LONGEST_ABSTRACT = 160


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message: a card or plain text, and the line that a notification shows.

    Attributes:
        sources: Where the answer comes from; cited below it.
        feedback: Asks for a thumb up or down.
        by_model: A language model wrote it, so that Teams labels it "AI generated".
        oauth: The card is an OAuth card, with which Teams signs a person in silently.
        sign_in: The card is one of our own for signing in: its buttons may lead to the sign-in pages.
        suggested: Texts that one press sends, in personal chats and with plain text only.
    """

    summary: str
    card: dict[str, Any] | None = None
    text: str = ""
    sources: Sequence[Source] = ()
    feedback: bool = False
    by_model: bool = False
    suggested: Sequence[str] = ()
    oauth: bool = False
    sign_in: bool = False


def reference(to: Conversation) -> ConversationReference:
    """How the SDK finds the conversation."""
    account = ConversationAccount(id=to.id, tenant_id=to.tenant or None, conversation_type=to.kind)
    if to.kind != "personal":
        account.is_group = True
    return ConversationReference(
        user=ChannelAccount(id=to.user_id),
        bot=ChannelAccount(id=to.bot_id, name=to.bot_name),
        conversation=account,
        channel_id=to.channel_id,
        service_url=to.service_url,
        locale=to.locale,
    )


def addressed(to: Conversation, activity: Activity) -> Activity:
    """The activity, on its way to a conversation."""
    there = reference(to)
    activity.channel_id, activity.service_url = to.channel_id, to.service_url
    activity.conversation, activity.from_property, activity.recipient = there.conversation, there.bot, there.user
    return activity


def activity(to: Conversation, message: Message) -> Activity:
    """The activity that shows a message."""
    kind = OAUTH_CARD if message.oauth else CARD
    attachments = [Attachment(content_type=kind, content=message.card)] if message.card is not None else None
    made = Activity(type="message", text_format="plain", summary=message.summary, attachments=attachments)
    cited = cited_sources(message.sources)
    if message.card is None:
        made.text = message.text
    elif cited:
        made.text, made.text_format = _pointing(len(cited)), "markdown"
    if entity := root_entity(cited, by_model=message.by_model):
        made.entities = [entity]
    if message.feedback:
        made.channel_data = {"feedbackLoop": {"type": "default"}}
    if message.suggested and message.card is None and to.kind == "personal":
        actions = [CardAction(type="imBack", title=text, value=text) for text in message.suggested]
        made.suggested_actions = SuggestedActions(to=[to.user_id], actions=actions)
    return addressed(to, made)


def root_entity(cited: Sequence[Source], *, by_model: bool) -> Entity | None:
    """The one entity about the message itself (Teams takes no second one); None if there is nothing to say."""
    if not cited and not by_model:
        return None
    return MessageEntity(by_model=by_model, citation=[_citation(n, each) for n, each in enumerate(cited, 1)])


def cited_sources(sources: Sequence[Source]) -> list[Source]:
    """Each source once, as many as Teams shows."""
    once = {(each.title, each.system, each.link): each for each in sources if each.title}
    return list(once.values())[:MOST_CITATIONS]


def _pointing(many: int) -> str:
    """Our own words around the numbers, so that nothing from outside is read as Markdown."""
    return say("Sources: {numbers}", numbers=" ".join(f"[{number}]" for number in range(1, many + 1)))


def _citation(position: int, source: Source) -> dict[str, Any]:
    where = clean(source.system, 80) or "Microsoft 365"
    abstract = {
        "public": say("From {system}; labelled public.", system=where),
        "internal": say("From {system}; labelled internal.", system=where),
        "confidential": say("From {system}; labelled confidential.", system=where),
        "highly_confidential": say("From {system}; labelled highly confidential.", system=where),
    }[source.label]
    appearance: dict[str, Any] = {
        "@type": "DigitalDocument",
        "name": clean(source.title, _LONGEST_NAME),
        "abstract": clean(abstract, _LONGEST_ABSTRACT),
    }
    if source.link.startswith("https://"):
        appearance["url"] = source.link
    return {"@type": "Claim", "position": position, "appearance": appearance}
