"""CPU and address space on Unicorn; one file per architecture."""
