"""`python -m jepsen_lite`, the same as the command `jepsen-lite`."""

from jepsen_lite.cli import main

if __name__ == "__main__":
    main()
