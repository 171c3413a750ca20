"""Which playbook a goal asks for, by likeness to example sentences; deterministic, no model."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterable

import msgspec

from orchestration.planning.playbook import Playbook

THRESHOLD = 0.56
SURE = 0.8
_SAME = 0.8  # likeness of two words that a slip of the finger may separate
_STEM = 6  # "reconcile", "reconciling" and "reconciliation" share so many letters

# What a word that the playbook's sentences do not know weighs, in multiples of the rarest word that they know.
_OTHER_DEED = 5.0  # it asks for something else, see `_DEEDS`
_OTHER_WORD = 1.1  # it is about something that the author did not think of
_NAME = 0.2  # it names a person, a file, a product
_OPEN = 0.35  # it may be what a playbook with a free parameter is waiting for: which file, what question

_TOKEN = re.compile(r"[^\W_]+")
_FILLER = frozenset(
    _TOKEN.findall(
        "a an the this that these those my our your their its me us you i we it he she they them mine ours myself "
        "and or but so then now please pls kindly thanks thank hi hello hey dear tandem bot vs versus "
        "can could would will shall should may might must do does did done is are was were be been am have has had "
        "to for of in on at by from with about into between among against across within over under as up out "
        "go ahead get start begin run make let lets want need like help try again just also too all any every each "
        "somebody someone anybody anyone something jemand jemandem etwas time xlsx docx pptx pdf txt "
        "both some what whats which who how when where why whether if there here not no yes ok okay right quick "
        "quickly asap s t m re ve ll d month months monthly year last next new job task thing today tomorrow "
        "yesterday morning afternoon evening noon clock oclock am pm monday tuesday wednesday thursday friday saturday "
        "sunday mondays mon tue wed thu fri one two three four five six seven eight nine ten "
        "bitte kannst du mir die der das den dem des und oder fuer mit im in von vom zu zum zur ein eine einen einer "
        "mal doch mach mache machen ich wir uns unsere unser mein meine dein koenntest wuerdest moechte jetzt auf an "
        "heute morgen gestern uhr montag dienstag mittwoch donnerstag freitag"
    )
)
# Words that ask for something to be done, and matters that are never far from the office. One that none of a playbook's
# sentences has means something else; whoever writes a playbook for it uses the word, and it counts for that playbook.
_DEEDS = (
    "bank password weather news music joke "
    "pay delete remove erase cancel approve reject release post book create add enter order buy sell send forward "
    "reply reset change edit update correct fix move rename copy upload download install translate explain tell sing "
    "play write draft transfer phone hire fire invite share schedule turn open close lock block unblock archive print "
    "sign submit refund reverse merge split export import convert deploy restart stop drop "
    "bezahle zahle loesche entferne storniere genehmige lehne buche erstelle bestelle kaufe verkaufe sende schicke "
    "aendere korrigiere verschiebe uebersetze erklaere schreibe ueberweise drucke oeffne schliesse sperre lade teile"
)

# With one of these a sentence may ask for something else than its other words do, or for more.
_TURNS = frozenset(
    _TOKEN.findall(
        "not no never without except instead also then but only dont "
        "nicht kein keine keinen ohne ausser statt auch dann aber nur"
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


class Word(msgspec.Struct, frozen=True):
    """One word of a sentence that carries meaning.

    Attributes:
        stem: Its first letters, lower case.
        name: Written like a name: with a capital letter, and not because it comes first. German writes every noun
            so: therefore such a word only counts for less.
    """

    stem: str
    name: bool


def stems(text: str) -> list[Word]:
    """The words that carry meaning, each once, in order."""
    found: dict[str, Word] = {}
    for place, written in enumerate(_TOKEN.findall(text)):
        for word in words(written):
            if word not in _FILLER and not word[0].isdigit():
                stem = _stem(word)
                found.setdefault(stem, Word(stem, written[0].isupper() and place > 0))
    return list(found.values())


def _stem(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    return word[:_STEM]


_DEED_STEMS = frozenset(map(_stem, _DEEDS.split()))


class Matcher:
    """Compares goals with the example sentences of all playbooks.

    The score of a sentence is the balanced (harmonic) mean of two shares: how much of the goal the playbook's
    vocabulary knows, and how much of the sentence the goal says. A word weighs more the fewer playbooks use it. Unknown
    words speak against the playbook: those that ask for another deed most, names least, and little where the playbook
    has a free parameter, since nobody can know what people say for it. A sentence's own names, and words that stand for
    a free parameter ("Share a file"), need not be said. A misspelt word counts as the known word it is closest to.
    """

    def __init__(self, playbooks: Iterable[Playbook]) -> None:
        books = list(playbooks)
        self._playbooks = {playbook.name: playbook for playbook in books}
        self._sentences = {playbook.name: [stems(each) for each in playbook.utterances] for playbook in books}
        self._vocabulary = {
            name: {word.stem for sentence in sentences for word in sentence}
            for name, sentences in self._sentences.items()
        }
        self._free = {playbook.name: _free(playbook) for playbook in books}
        self._named = {playbook.name: _named(playbook) for playbook in books}
        count = len(books)
        uses: dict[str, int] = {}
        for vocabulary in self._vocabulary.values():
            for stem in vocabulary:
                uses[stem] = uses.get(stem, 0) + 1
        self._weight = {stem: _rarity(count, used) for stem, used in uses.items()}
        self._rarest = _rarity(count, 1)
        self._all = sorted(uses)

    def best(self, goal: str) -> Match | None:
        """The playbook that the goal asks for; None if nothing is close enough.

        Args:
            goal: What the person said, without the parameters that were understood in it.
        """
        found = max(self.ranked(goal), key=lambda match: match.score, default=None)
        return found if found and found.score >= THRESHOLD else None

    def sure(self, goal: str) -> Match | None:
        """The playbook that the goal asks for in the words of its own sentences, so that nothing else can be meant.

        Args:
            goal: As for `best`.
        """
        match = self.best(goal)
        if match is None or match.score < SURE or _TURNS.intersection(words(goal)):
            return None
        name = match.playbook.name
        expected = self._vocabulary[name] | self._named[name]
        return match if all(word.stem in expected for word in map(self._known, stems(goal))) else None

    def ranked(self, goal: str) -> list[Match]:
        """Every playbook with its score, by name."""
        said = {word.stem: word for word in map(self._known, stems(goal))}
        return [Match(self._playbooks[name], self._score(said, name)) for name in sorted(self._playbooks)]

    def _known(self, word: Word) -> Word:
        if word.stem in self._weight or len(word.stem) < 5 or word.stem in _DEED_STEMS:
            return word
        near = difflib.get_close_matches(word.stem, self._all, n=1, cutoff=_SAME)
        return Word(near[0], word.name) if near else word

    def _score(self, said: dict[str, Word], name: str) -> float:
        vocabulary = self._vocabulary[name]
        known = sum(self._weight[stem] for stem in said if stem in vocabulary)
        if not known:
            return 0.0
        free = self._free[name]
        expected = vocabulary | self._named[name]
        strange = [self._against(word, free) for word in said.values() if word.stem not in expected]
        share = known / (known + sum(strange))
        best = 0.0
        for sentence in self._sentences[name]:
            there = sum(self._weight[word.stem] for word in sentence if word.stem in said)
            lacking = sum(
                self._weight[word.stem] * (_NAME if word.name or word.stem in free else 1)
                for word in sentence
                if word.stem not in said
            )
            if there:
                covered = there / (there + lacking)
                best = max(best, 2 * share * covered / (share + covered))
        return best

    def _against(self, word: Word, free: frozenset[str]) -> float:
        """How much a word speaks against a playbook that does not know it."""
        if word.stem in _DEED_STEMS:
            return _OTHER_DEED * self._rarest
        if word.name and word.stem not in self._weight:
            return _NAME * self._rarest
        return (_OPEN if free else _OTHER_WORD) * self._rarest


def _named(playbook: Playbook) -> frozenset[str]:
    """Stems of the names of parameters: whoever says one speaks of the playbook, but does not ask for it."""
    return frozenset(word.stem for name in playbook.params for word in stems(name.replace("_", " ")))


def _free(playbook: Playbook) -> frozenset[str]:
    """Stems of the names and titles of parameters that may be anything."""
    return frozenset(
        word.stem
        for name, parameter in playbook.params.items()
        if parameter.type == "text" and not parameter.default
        for word in stems(f"{name} {parameter.title}".replace("_", " "))
    )


def _rarity(playbooks: int, used: int) -> float:
    """Weight of a word that so many of the playbooks use."""
    return 1 + math.log((1 + playbooks) / (1 + used))
