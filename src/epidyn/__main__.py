"""``python -m epidyn``."""

from epidyn.cli import run

if __name__ == "__main__":
    run()
