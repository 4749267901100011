"""Asks for the sum that the goroutines of the library's init made."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    process = scene.process()
    workers = process.dlopen("libworkers.so")
    assert workers.sum() == 10
    process.exit()
