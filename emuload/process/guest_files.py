"""Files of a guest process: the parts of the host that are visible in it, and the search for libraries among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from emuload.errors import UsageError
from emuload.kernel.fs.defaults import populate
from emuload.kernel.fs.inodes import DataInode, Device, Directory, FsError
from emuload.kernel.fs.output import HostHook, Input
from emuload.kernel.fs.table import FileTable
from emuload.kernel.fs.tree import FileSystem
from loader.errors import LoadError
from loader.search import DirectoryFinder, Found, read_file

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel
    from emuload.kernel.initial_stack import InitialStack
    from emuload.process.options import Options
    from loader.objects import LinkedObject


_HEAD = 4096
"""Bytes of an endless device that a linker looks at."""
DEFAULT_FOLDERS = ("/lib", "/usr/lib")


class GuestFiles:
    """Attaches files to a kernel, and finds libraries: those named by the host first, then in the guest's tree.

    `named` maps names as the host gave them to host paths: the linker sees such a file under that name only, so that no path
    of the host enters a trace. `folders` are folders of the host, `default_folders` those of the guest that the profile's
    linker searches. Raises UsageError for a map or a working folder that cannot be.
    """

    def __init__(
        self,
        kernel: Kernel,
        stdin: bytes,
        maps: Sequence[tuple[str, str, bool]],
        output_limit: int,
        on_output: Callable[[int, bytes], None] | None,
        cwd: str = "/",
    ) -> None:
        self.kernel = kernel
        self.fs = FileSystem(kernel)
        populate(self.fs)
        self.fs.output.limit = output_limit
        self.fs.stdin = Input(stdin)
        if on_output is not None:
            self.fs.output.passthrough = HostHook(on_output)
        kernel.fs = self.fs
        kernel.files = FileTable(kernel)
        self.host = DirectoryFinder(within=())
        self.default_folders: Sequence[str] = DEFAULT_FOLDERS
        for host, guest, writable in maps:
            from emuload.kernel.fs.hostmap import mount

            try:
                mount(self.fs, host, guest, writable)
            except (OSError, ValueError) as error:
                raise UsageError(f"cannot map {host}: {error}") from None
        try:
            folder = self.fs.find(cwd)
        except FsError:
            folder = None
        if not isinstance(folder, Directory):
            raise UsageError(f"the guest has no folder {cwd}")
        kernel.files.cwd = folder

    def name(self, path: str) -> None:
        """Let the linker find a host file by its path, unless the path is the name of another file already."""
        self.host.named.setdefault(path, path)

    def host_bytes(self, name: str) -> bytes:
        """The bytes of a host file by the name it goes by. Raises LoadError with the linker's words."""
        return read_file(self.host.named.get(name, name))

    def find_library(self, path: str, requester: LinkedObject | None) -> Found | None:
        """Find a library: by a name the host gave, in a folder it named, or in the guest's tree. None if it is nowhere.

        Raises LoadError for a folder in the place of a file, and for a host file that cannot be read.
        """
        if self.host.covers(path):
            return self.host(path, requester)
        for candidate in [path] if "/" in path else [f"{directory}/{path}" for directory in self.default_folders]:
            try:
                inode = self.fs.find(candidate, self.kernel.files.cwd)
            except FsError:
                continue
            if isinstance(inode, DataInode):
                return Found(candidate, inode.read_at(0, inode.size()), inode.identity())
            if isinstance(inode, Device):
                return Found(candidate, b"" if inode.driver == "null" else bytes(_HEAD))
            if isinstance(inode, Directory):
                raise LoadError(candidate, "", "cannot read file data: Is a directory", "directory")
        return None

    def describe(self, options: Options, stack: InitialStack) -> None:
        """Fill in the process's arguments, environment, auxiliary vector and executable in /proc."""
        facts = self.fs.process
        facts.arguments = options.args
        facts.environment = options.env
        facts.auxv = stack.auxv_bytes
        if options.program is not None:
            facts.executable = options.program if options.program.startswith("/") else f"/{options.program}"
