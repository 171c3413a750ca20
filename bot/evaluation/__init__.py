"""How well goals become plans that do what was meant: goals as data, played on a fresh sandbox tenant, and judged."""
