"""`python -m ccoctl`."""

from ccoctl.cli.main import main

if __name__ == "__main__":
    main()
