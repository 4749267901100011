"""Runs the program, which calls the library by itself."""

from emuload.scenarios import Scene


def run(scene: Scene) -> None:
    process = scene.process(program="program")
    assert process.run_program() == 0
