"""`python -m stepprove`: the command line, for launchers that start modules."""

from stepprove.cli.start import run

if __name__ == "__main__":
    run()
