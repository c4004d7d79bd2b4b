"""The commands of `dphm`: one frozen dataclass each, whose fields are its options and whose `run` calls the library."""
