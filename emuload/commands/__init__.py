"""What each command of the command line does; `emuload.cli` holds their options."""
