"""`python -m typedflow.cli`: the same as the console script `typedflow`."""

from typedflow.cli.main import main

if __name__ == "__main__":
    main()
