"""Gives the process three arguments and two variables, and asks if the library's init saw them."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    process = scene.process(args=["prog", "one", "two"], env={"HOME": "/home/gopher", "LANG": "C"})
    reader = process.dlopen("libreader.so")
    assert reader.arguments() == 3
    assert reader.call("has_home", returns=bool)
    process.exit()
