"""Adaptive Cards for what people see: pure functions from views to the JSON of a card.

No function here knows a clock, reads a store or sends anything. Every card is Adaptive Cards 1.5, fits Teams' size
limit whatever is in it, is in the language that is spoken (`bot.language.speaking`), and shows text from outside
letter by letter: never as Markdown, without invisible characters, links only to http(s). Presses are `Action.Execute`
with a verb of `bot.cards.buttons`, and an `Action.Submit` with the verb in its data for clients without it.
"""

from bot.cards.again import superseded
from bot.cards.approval import decision
from bot.cards.change import change, changed, outdated_change, unchanged
from bot.cards.digest import Asked, digest
from bot.cards.digest import fits as fit_together
from bot.cards.ending import outcome
from bot.cards.exchange import asked_back, replied
from bot.cards.fruitless import not_for_you, unclear, without_model
from bot.cards.greeting import help_card, unmatched, welcome
from bot.cards.handed import handed
from bot.cards.inquiry import question
from bot.cards.layout import Tone
from bot.cards.neutral import neutral
from bot.cards.notice import message
from bot.cards.overview import status
from bot.cards.proposal import UNASKED, plan
from bot.cards.reasons import reasons
from bot.cards.reminder import reminder
from bot.cards.retraction import retraction
from bot.cards.signing_in import sign_in, signed_in, silent
from bot.cards.tasks import progress
from bot.cards.verdict import decided, voted, withdrawn
from bot.cards.waiting import waiting

__all__ = [
    "UNASKED",
    "Asked",
    "Tone",
    "asked_back",
    "change",
    "changed",
    "decided",
    "decision",
    "digest",
    "fit_together",
    "handed",
    "help_card",
    "message",
    "neutral",
    "not_for_you",
    "outcome",
    "outdated_change",
    "plan",
    "progress",
    "question",
    "reasons",
    "reminder",
    "replied",
    "retraction",
    "sign_in",
    "signed_in",
    "silent",
    "status",
    "superseded",
    "unchanged",
    "unclear",
    "unmatched",
    "voted",
    "waiting",
    "welcome",
    "withdrawn",
    "without_model",
]
