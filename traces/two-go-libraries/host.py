"""Opens two libraries, calls both, and passes the first one's result to the second."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    process = scene.process()
    hello = process.dlopen("libhello.so")
    twice = process.dlopen("libtwice.so")
    assert twice.twice(hello.add(1, 2)) == 6
    assert hello.add(3, 4) == 7
    process.exit()
