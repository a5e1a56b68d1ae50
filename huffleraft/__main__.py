"""`python -m huffleraft`: the command line, for where the console script is not on the PATH."""

from huffleraft.cli import main

if __name__ == "__main__":
    main()
