"""How a question reaches a person: their Teams chat, else a mail, or the approval system that policy names."""
