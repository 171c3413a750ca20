"""HTTP for machines and for the tab: lists of runs and questions, and the answers of approval systems."""
