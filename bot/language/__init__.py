"""What people read, in their own language, from the files beside this one.

A text is written in English where it is used: `say("Decide about {count} differences", count=3)`. `de.po` has the
German one, and `en.po` another wording in English, if a company wants one. Programs of translators open such files;
`python -m bot.language.extract` brings them up to date with the code, and says what has no translation yet.
"""

from bot.language.spoken import LANGUAGES, language_of, moment, month, number, say, say_count, speaking, spoken

__all__ = ["LANGUAGES", "language_of", "moment", "month", "number", "say", "say_count", "speaking", "spoken"]
