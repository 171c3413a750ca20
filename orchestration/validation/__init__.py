"""What may leave, where to, and who may let it: texts, links, names, cells, and the deployment's policy."""
