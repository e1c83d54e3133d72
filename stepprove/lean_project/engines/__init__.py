"""The two Leans: find, install, start and confine each."""
