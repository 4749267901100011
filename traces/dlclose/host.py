"""Closes the library, calls it nevertheless, and opens it again."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    process = scene.process()
    hello = process.dlopen("libhello.so")
    assert hello.add(1, 2) == 3
    hello.close()
    assert hello.add(3, 4) == 7
    again = process.dlopen("libhello.so")
    assert again.handle == hello.handle
    assert again.add(5, 6) == 11
    process.exit()
