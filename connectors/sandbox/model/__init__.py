"""A language model that only plays back recordings, over the protocol of OpenAI and of Azure."""
