"""Asks for the number that the library's init got from C."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    process = scene.process()
    asks = process.dlopen("libasks.so")
    assert asks.get() == 42
    assert process.stdout == b"C was asked\n"
    process.exit()
