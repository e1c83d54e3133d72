"""The attempts of a run: their types, their log, their journal, and the files of other harnesses."""
