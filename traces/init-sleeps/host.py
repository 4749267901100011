"""Asks how long the library's init slept, as soon as dlopen returns."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    process = scene.process()
    sleepy = process.dlopen("libsleepy.so")
    assert sleepy.microseconds() >= 1000
    process.exit()
