"""The commands of the command line, one file each: its help, options and work. `emuload.cli` lists them."""
