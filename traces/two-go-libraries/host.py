"""Opens one library after the other, calls both, and has one work on the other's result."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    process = scene.process()
    hello = process.dlopen("libhello.so")
    twice = process.dlopen("libtwice.so")
    assert twice.twice(hello.add(1, 2)) == 6
    assert hello.add(3, 4) == 7
    process.exit()
