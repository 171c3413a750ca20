"""What an activity wants: pure, so that every odd activity is a test of a few lines."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, Literal

import msgspec
from botbuilder.schema import Activity, ConversationAccount

from bot.checks import GUID
from bot.conversations import THREAD, Conversation
from bot.texts import clean
from orchestration.core.run import Person

LONGEST_TEXT = 1000
# Longer than any goal with its mentions; what is longer is not even looked at.
LONGEST_RAW = 8 * LONGEST_TEXT
Word = Literal["help", "hello", "status", "approvals", "cancel", "sign in", "sign out"]

_WORDS: dict[str, Word] = {
    "?": "help",
    "help": "help",
    "help me": "help",
    "what can you do": "help",
    "hello": "hello",
    "hello tandem": "hello",
    "hi": "hello",
    "hi tandem": "hello",
    "hey": "hello",
    "hallo": "hello",
    "hallo tandem": "hello",
    "guten morgen": "hello",
    "guten tag": "hello",
    "moin": "hello",
    "servus": "hello",
    "hilfe": "help",
    "hilf mir": "help",
    "was kannst du": "help",
    "was können sie": "help",
    "meine vorgänge": "status",
    "vorgänge": "status",
    "wie steht es": "status",
    "wie ist der stand": "status",
    "genehmigungen": "approvals",
    "meine genehmigungen": "approvals",
    "was wartet auf mich": "approvals",
    "abbrechen": "cancel",
    "abbruch": "cancel",
    "stopp": "cancel",
    "anmelden": "sign in",
    "einloggen": "sign in",
    "abmelden": "sign out",
    "ausloggen": "sign out",
    "good morning": "hello",
    "status": "status",
    "runs": "status",
    "my runs": "status",
    "how is it going": "status",
    "approvals": "approvals",
    "my approvals": "approvals",
    "what waits for me": "approvals",
    "what is waiting for me": "approvals",
    "cancel": "cancel",
    "cancel it": "cancel",
    "stop": "cancel",
    "sign in": "sign in",
    "signin": "sign in",
    "log in": "sign in",
    "login": "sign in",
    "sign out": "sign out",
    "signout": "sign out",
    "log out": "sign out",
    "logout": "sign out",
}
_MENTION = re.compile(r"<at\b[^<>]*>([^<]*)</at>", re.IGNORECASE)
_CODE = re.compile(r"\d{6}")


class Say(msgspec.Struct, frozen=True):
    """The person's own words: a goal, or the answer to a question."""

    text: str


class Command(msgspec.Struct, frozen=True):
    """One of the words that every bot should know."""

    word: Word


class Press(msgspec.Struct, frozen=True):
    """A button; `execute` when the reply itself may carry the new card (`Action.Execute`)."""

    verb: str
    data: dict[str, Any]
    execute: bool


class Installed(msgspec.Struct, frozen=True):
    """The person has added the bot."""


class Uninstalled(msgspec.Struct, frozen=True):
    """The person has removed the bot; in a group, somebody has, or the group is gone.

    Attributes:
        channel: Only this channel of a team is gone.
    """

    channel: str = ""


class Feedback(msgspec.Struct, frozen=True):
    """What a person thinks of a message."""

    reaction: Literal["like", "dislike"]
    text: str


class SignInCode(msgspec.Struct, frozen=True):
    """The sign-in page has given a code that the token service takes."""

    code: str


class SignInFailed(msgspec.Struct, frozen=True):
    """Teams could not sign the person in silently."""

    code: str


class TokenExchange(msgspec.Struct, frozen=True):
    """Teams offers its own token for the sign-in (single sign-on)."""

    id: str
    connection: str
    token: str


class Empty(msgspec.Struct, frozen=True):
    """A message without anything to read: a picture, a sticker."""


class TooLong(msgspec.Struct, frozen=True):
    """A message longer than any goal."""


class Malformed(msgspec.Struct, frozen=True):
    """An invoke whose value is not what its name promises."""

    reason: str


class Ignored(msgspec.Struct, frozen=True):
    """Nothing to do: typing, reactions, members, edits."""


Intent = (
    Say
    | Command
    | Press
    | Installed
    | Uninstalled
    | Feedback
    | SignInCode
    | SignInFailed
    | TokenExchange
    | Empty
    | TooLong
    | Malformed
    | Ignored
)


class Inbound(msgspec.Struct, frozen=True, kw_only=True):
    """An activity, read.

    Attributes:
        id: The activity's own id; the same again means the same activity.
        person: Who sent it; None if the channel does not vouch for an Entra account.
        reply_to: The message that holds the card whose button was pressed.
        invoke: The sender waits for an answer in the HTTP response.
        mentioned: The message is meant for the bot.
    """

    id: str
    person: Person | None
    conversation: Conversation
    reply_to: str
    invoke: bool
    intent: Intent
    mentioned: bool = False


def read(activity: Activity) -> Inbound:
    """What an authenticated activity wants, whatever it holds."""
    conversation = _conversation(activity)
    return Inbound(
        id=str(activity.id or ""),
        person=_person(activity, conversation),
        conversation=conversation,
        reply_to=str(activity.reply_to_id or ""),
        invoke=activity.type == "invoke",
        intent=_intent(activity),
        mentioned=any(_bot_id(activity) == id_ for id_, _ in _mentions(activity)),
    )


def _person(activity: Activity, conversation: Conversation) -> Person | None:
    sender = activity.from_property
    # Only Teams vouches for the Entra account; a Direct Line client may write any id there.
    if sender is None or activity.channel_id != "msteams":
        return None
    object_id = str(sender.aad_object_id or "").lower()
    if not GUID.fullmatch(object_id):
        return None
    return Person(id=object_id, name=clean(sender.name or "", 200), tenant=conversation.tenant)


def _conversation(activity: Activity) -> Conversation:
    place, bot, sender = activity.conversation, activity.recipient, activity.from_property
    data = activity.channel_data if isinstance(activity.channel_data, dict) else {}
    about = data.get("tenant")
    # The SDK looks for "tenantID", Teams writes "tenantId": it is found among what the SDK does not know.
    named = (
        place.tenant_id,
        (place.additional_properties or {}).get("tenantId"),
        about.get("id") if isinstance(about, dict) else None,
    )
    # Whoever comes from another tenant (a shared channel) may bring that along.
    home = ((sender and sender.additional_properties) or {}).get("tenantId")
    tenants = {str(each).lower() for each in (*named, home) if each}
    kind, team = str(place.conversation_type or _looks(place)), data.get("team")
    return Conversation(
        id=_thread(activity) if kind == "channel" else str(place.id or ""),
        service_url=str(activity.service_url or ""),
        channel_id=str(activity.channel_id or ""),
        user_id=str((sender and sender.id) or ""),
        bot_id=str((bot and bot.id) or ""),
        bot_name=clean((bot and bot.name) or "", 200),
        tenant=tenants.pop() if len(tenants) == 1 else "",
        kind=kind,
        locale=str(activity.locale or ""),
        team=str(team.get("id") or "") if isinstance(team, dict) else "",
    )


def _thread(activity: Activity) -> str:
    """The conversation of a channel's thread, so that what is said stays in it."""
    id_ = str(activity.conversation.id or "")
    first = str(activity.reply_to_id or activity.id or "")
    if activity.type != "message" or THREAD in id_ or not first:
        return id_
    return f"{id_}{THREAD}{first}"


def _bot_id(activity: Activity) -> str:
    return str((activity.recipient and activity.recipient.id) or "")


def _mentions(activity: Activity) -> list[tuple[str, str]]:
    """Who is mentioned: id and the text that stands for them."""
    found = []
    for entity in filter(None, activity.entities or []):
        more = entity.additional_properties or {}
        who = more.get("mentioned")
        if entity.type == "mention" and isinstance(who, dict) and who.get("id"):
            found.append((str(who["id"]), str(more.get("text") or "")))
    return found


def _without_mentions(activity: Activity, text: str) -> str:
    """The words as meant: the bot's own name is left out, other people's stay."""
    others = {said for id_, said in _mentions(activity) if said and id_ != _bot_id(activity)}
    return _MENTION.sub(lambda found: found[1] if found[0] in others else " ", text)


def _looks(place: ConversationAccount) -> str:
    """The kind of a place that does not say it; what might be shared counts as shared."""
    return "groupChat" if place.is_group or str(place.id or "").startswith("19:") else "personal"


def _intent(activity: Activity) -> Intent:
    match activity.type:
        case "message":
            return _message(activity)
        case "invoke":
            return _invoke(str(activity.name or ""), activity.value)
        case "installationUpdate":
            return _installation(str(activity.action or ""))
        case "conversationUpdate":
            bot = (activity.recipient and activity.recipient.id) or ""
            gone = any(member and member.id == bot for member in activity.members_removed or [])
            return Uninstalled() if gone and bot else _ended(activity.channel_data)
        case _:
            return Ignored()


def _ended(data: object) -> Intent:
    """A team or a channel that is gone takes the bot with it."""
    given = data if isinstance(data, dict) else {}
    match given.get("eventType"):
        case "teamDeleted" | "teamHardDeleted":
            return Uninstalled()
        case "channelDeleted":
            channel = given.get("channel")
            id_ = channel.get("id") if isinstance(channel, dict) else None
            return Uninstalled(channel=id_) if isinstance(id_, str) and id_ else Ignored()
        case _:
            return Ignored()


def _installation(action: str) -> Intent:
    # "add-upgrade" and "remove-upgrade" surround an update of the app: the person has done nothing.
    intents: dict[str, Intent] = {"add": Installed(), "remove": Uninstalled()}
    return intents.get(action, Ignored())


def _message(activity: Activity) -> Intent:
    value = activity.value
    if isinstance(value, dict) and isinstance(value.get("verb"), str):
        return Press(value["verb"], _sent(value), execute=False)
    whole = str(activity.text or "")
    if len(whole) > LONGEST_RAW:
        return TooLong()
    text = clean(_without_mentions(activity, whole), LONGEST_TEXT + 1)
    if not text:
        return Empty()
    if len(text) > LONGEST_TEXT:
        return TooLong()
    if _CODE.fullmatch(text):
        return SignInCode(text)
    word = _WORDS.get(text.casefold().strip(" .!?") or text)
    return Command(word) if word else Say(text)


def _invoke(name: str, value: Any) -> Intent:
    given = value if isinstance(value, dict) else {}
    match name:
        case "adaptiveCard/action":
            return _press(given)
        case "signin/verifyState":
            code = given.get("state")
            return SignInCode(code) if isinstance(code, str) and 0 < len(code) <= 100 else Malformed("state is missing")
        case "signin/failure":
            return SignInFailed(clean(given.get("code", ""), 80))
        case "signin/tokenExchange":
            return TokenExchange(*(str(given.get(key) or "") for key in ("id", "connectionName", "token")))
        case "message/submitAction":
            return _feedback(given)
        case _:
            return Ignored()


def _feedback(given: dict[str, Any]) -> Intent:
    """A thumb under a message; the words come as an object, as JSON in a text, or as they are."""
    said = given.get("actionValue")
    if given.get("actionName") != "feedback" or not isinstance(said, dict):
        return Ignored()
    reaction, words = said.get("reaction"), said.get("feedback")
    if isinstance(words, str):
        with suppress(msgspec.DecodeError, RecursionError):
            words = msgspec.json.decode(words)
    if isinstance(words, dict):
        words = words.get("feedbackText")
    text = clean(words, LONGEST_TEXT) if isinstance(words, str) else ""
    if reaction not in ("like", "dislike"):
        return Malformed("actionValue.reaction is neither like nor dislike")
    return Feedback(reaction, text)


def _press(given: dict[str, Any]) -> Intent:
    action = given.get("action")
    if not isinstance(action, dict) or not isinstance(action.get("verb"), str):
        return Malformed("action.verb is missing")
    data = action.get("data")
    if data is not None and not isinstance(data, dict):
        return Malformed("action.data is not an object")
    return Press(action["verb"], _sent(data or {}), execute=True)


def _sent(value: dict[str, Any]) -> dict[str, Any]:
    return {key: each for key, each in value.items() if key not in ("verb", "msteams")}
