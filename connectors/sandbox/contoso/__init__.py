"""Contoso: the tenant that ships with the sandbox, and the generator of its ledgers."""
