"""Which language model plans: the recorded one, or one that the environment names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from orchestration.errors import Invalid

RECORDED = "recorded"
_ENV = re.compile(r"env([2-9]?)")
_PREFIX = "TANDEM_MODEL_"


def settings_of(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of a model; none for the recorded one, whose settings the sandbox tells.

    Args:
        name: `recorded`, `env` (the TANDEM_MODEL_ variables), or `env2` to `env9` (TANDEM_MODEL2_ and so on).
        environ: Where the variables are.

    Raises:
        Invalid: There is no such model, or the environment does not name it.
    """
    if name == RECORDED:
        return {}
    found = _ENV.fullmatch(name)
    if found is None:
        raise Invalid(
            f"There is no model {name!r}: choose recorded, env (TANDEM_MODEL_...) or env2 (TANDEM_MODEL2_...)."
        )
    prefix = f"TANDEM_MODEL{found[1]}_"
    given = {f"{_PREFIX}{key.removeprefix(prefix)}": value for key, value in environ.items() if key.startswith(prefix)}
    if missing := [f"{prefix}{each}" for each in ("URL", "NAME") if not given.get(f"{_PREFIX}{each}")]:
        raise Invalid(
            f"The model {name} takes its settings from your environment, and {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set. docs/models.md has the settings of each kind of model."
        )
    return given


def label_of(name: str, settings: Mapping[str, str]) -> str:
    """What a model is called in a report."""
    return f"{settings[f'{_PREFIX}NAME']} ({name})" if settings else name
