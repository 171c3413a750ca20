"""What is known of the values that tasks pass on: how sensitive they are, who wrote them, who may see them."""
