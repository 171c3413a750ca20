"""How often Python looks for garbage that only a walk finds."""

from __future__ import annotations

import gc

# A graph of 10,000 tasks under way is 800,000 objects, none of them garbage: with Python's own thresholds it is walked
# a thousand times, which takes as long as the tasks. Reference counts free nearly everything without any walk.
THRESHOLDS = (100_000, 50, 5)


def settle() -> None:
    """Leave what is loaded now out of every later walk, and walk seldom: call it once, after everything is imported.

    Without it a full walk goes through all modules and blocks the loop for 55 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
