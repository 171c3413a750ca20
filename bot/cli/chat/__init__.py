"""`tandem chat`: one person's chat with Tandem in a terminal, behind the same signing proxy as the Playground."""
