"""Calls as soon as dlopen returns: the library's init has not even begun."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    process = scene.process(cpus=2)
    slow = process.dlopen("libslow.so")
    assert slow.prime(99) == 541
    process.exit()
