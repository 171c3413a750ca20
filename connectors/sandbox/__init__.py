"""A local tenant over real HTTP: the systems that Tandem talks to, served from a folder of data files."""
