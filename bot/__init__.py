"""Tandem in Microsoft Teams: activities in, cards out. The only package that knows the Bot Framework."""
