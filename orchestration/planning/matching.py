"""Which playbook a goal asks for, by likeness to example sentences; deterministic, no model."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterable

import msgspec

from orchestration.planning.playbook import Playbook

THRESHOLD = 0.66
_SAME = 0.8  # likeness of two words that a slip of the finger may separate
_STRANGE = 2.5  # weight of a word that no example knows: it speaks against
_STEM = 6  # "reconcile", "reconciling" and "reconciliation" share so many letters

_TOKEN = re.compile(r"[^\W_]+")
_FILLER = frozenset(
    _TOKEN.findall(
        "a an the this that these those my our your their its me us you i we it he she they them "
        "and or but so then now please pls kindly thanks thank hi hello hey dear tandem bot "
        "can could would will shall should may might must do does did done is are was were be been am have has had "
        "to for of in on at by from with about into between among against across within over under as up out "
        "go ahead get start begin run make let lets want need like help try again just also too all any every each "
        "both some what whats which who how when where why whether if there here not no yes ok okay right quick "
        "quickly asap s t m re ve ll d month months monthly year last next new job task thing today tomorrow "
        "bitte kannst du mir die der das den dem des und oder fuer mit im in von zu zum zur ein eine einen mal doch "
        "ich wir uns unsere koenntest wuerdest moechte jetzt"
    )
)


class Match(msgspec.Struct, frozen=True):
    """A playbook and how well it fits, from 0 to 1."""

    playbook: Playbook
    score: float


def words(text: str) -> list[str]:
    """The words of a text: lower case, umlauts written out, accents dropped."""
    text = unicodedata.normalize("NFC", text).lower()
    for letter, written in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("’", "'")):
        text = text.replace(letter, written)
    text = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return _TOKEN.findall(text)


def stems(text: str) -> list[str]:
    """The words that carry meaning, cut to their stems, each once, in order."""
    return list(dict.fromkeys(_stem(word) for word in words(text) if word not in _FILLER and not word.isdigit()))


def _stem(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    return word[:_STEM]


class Matcher:
    """Compares goals with the example sentences of all playbooks.

    The score of a sentence is the balanced (harmonic) mean of two shares: how much of the goal the playbook's
    vocabulary knows, with unknown words weighing more, and how much of the sentence the goal says. A word weighs more
    the fewer playbooks use it. A misspelt word counts as the known word it is closest to.
    """

    def __init__(self, playbooks: Iterable[Playbook]) -> None:
        books = list(playbooks)
        self._playbooks = {playbook.name: playbook for playbook in books}
        self._sentences = {playbook.name: [stems(each) for each in playbook.utterances] for playbook in books}
        self._vocabulary = {
            name: {stem for sentence in sentences for stem in sentence} for name, sentences in self._sentences.items()
        }
        count = len(books)
        uses: dict[str, int] = {}
        for vocabulary in self._vocabulary.values():
            for stem in vocabulary:
                uses[stem] = uses.get(stem, 0) + 1
        self._weight = {stem: 1 + math.log((1 + count) / (1 + used)) for stem, used in uses.items()}
        self._all = sorted(uses)

    def best(self, goal: str) -> Match | None:
        """The playbook that the goal asks for; None if nothing is close enough.

        Args:
            goal: What the person said, without the parameters that were understood in it.
        """
        said = [self._known(stem) for stem in stems(goal)]
        scored = [Match(self._playbooks[name], self._score(said, name)) for name in sorted(self._playbooks)]
        best = max(scored, key=lambda match: match.score, default=None)
        return best if best and best.score >= THRESHOLD else None

    def _known(self, stem: str) -> str:
        if stem in self._weight or len(stem) < 5:
            return stem
        near = difflib.get_close_matches(stem, self._all, n=1, cutoff=_SAME)
        return near[0] if near else stem

    def _score(self, said: list[str], name: str) -> float:
        vocabulary = self._vocabulary[name]
        goal = {stem: self._weight[stem] if stem in vocabulary else _STRANGE for stem in said}
        if not goal:
            return 0.0
        known = sum(weight for stem, weight in goal.items() if stem in vocabulary) / sum(goal.values())
        best = 0.0
        for sentence in self._sentences[name]:
            total = sum(self._weight[stem] for stem in sentence)
            covered = sum(self._weight[stem] for stem in sentence if stem in goal) / total if total else 0.0
            if known + covered:
                best = max(best, 2 * known * covered / (known + covered))
        return best
