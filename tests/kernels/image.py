# SPDX-License-Identifier: GPL-2.0-only
"""The guest's file system: cheshire, the tests and what they need, with all libraries, as a cpio."""

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "python3.11"
PROGRAMS = ("objdump", "nm", "readelf", PYTHON)
PYTHON_LEFT_OUT = {
    "test", "idlelib", "lib2to3", "ensurepip", "tkinter", "distutils", "pydoc_data", "turtledemo",
    "unittest", "config-3.11-x86_64-linux-gnu", "config-3.11-aarch64-linux-gnu",
}
LIBRARY_FOLDERS = ("lib/{0}", "usr/lib/{0}", "lib64", "lib", "usr/lib")


class Image:
    """A folder that is filled from a root file system (this machine's, or an unpacked one)."""

    def __init__(self, folder, source, triplet):
        self.folder = folder
        self.source = Path(source)
        self.libraries = [self.source / name.format(triplet) for name in LIBRARY_FOLDERS]
        self.have = set()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def put(self, source, where):
        """One file, with the libraries that it is linked with."""
        to = self.folder / where.lstrip("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, to)
        self.add_libraries(source)

    def add_libraries(self, path):
        with open(path, "rb") as file:
            if file.read(4) != b"\x7fELF":
                return
        said = subprocess.run(
            ["readelf", "-dlW", path], capture_output=True, text=True, check=True
        ).stdout
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", said):
            self.add_library(name, path)
        for loader in re.findall(r"interpreter: (\S+)\]", said):
            self.add_file_as(self.source / loader.lstrip("/"), loader)

    def add_library(self, name, wanted_by):
        if name in self.have:
            return
        for folder in (*self.libraries, Path(wanted_by).parent):
            if (folder / name).exists():
                self.have.add(name)
                if not (folder / name).is_relative_to(ROOT):
                    self.put(folder / name, f"/lib/{name}")
                return
        raise FileNotFoundError(f"{wanted_by} needs {name}, which is not there")

    def add_file_as(self, path, where):
        if where not in self.have:
            self.have.add(where)
            self.put(path, where)

    def program(self, name):
        for folder in ("usr/bin", "usr/sbin", "bin", "sbin"):
            path = self.source / folder / name
            if path.exists():
                self.put(path, f"/usr/bin/{name}")
                return
        raise FileNotFoundError(f"{name} is not in {self.source}")

    def tree(self, source, where, left_out=()):
        """A folder and all below; the libraries of what is in it."""
        for parent, folders, files in os.walk(source):
            folders[:] = [name for name in folders if name not in left_out]
            for name in files:
                path = Path(parent) / name
                if path.exists():
                    self.put(path, str(Path(where) / path.relative_to(source)))

    def pack(self, archive):
        """Not compressed: an emulated CPU would take longer to undo it."""
        listing = subprocess.run(
            ["find", ".", "-print0"], cwd=self.folder, capture_output=True, check=True
        ).stdout
        with open(archive, "wb") as out:
            subprocess.run(
                ["cpio", "-o", "-0", "-H", "newc", "--quiet"],
                cwd=self.folder, input=listing, stdout=out, check=True,
            )


def bpftool_of(source):
    """Debian's is in sbin, or below a folder of its version."""
    for pattern in ("usr/sbin/bpftool", "usr/bin/bpftool", "usr/lib/linux-tools*/bpftool"):
        for path in sorted(Path(source).glob(pattern)):
            if path.is_file():
                return path
    raise FileNotFoundError(f"bpftool is not in {source}")


def build(build_dir, folder, source, triplet):
    """Everything but the list of tests; the archive is packed by the caller."""
    image = Image(folder, source, triplet)
    for name in PROGRAMS:
        image.program(name)
    (folder / "usr/bin/python3").symlink_to(PYTHON)
    image.put(bpftool_of(source), "/usr/sbin/bpftool")
    image.program("busybox")
    (folder / "bin").mkdir(exist_ok=True)
    for name in ("sh", "ls", "cat", "sleep", "env", "true", "mount", "ip", "unshare"):
        (folder / "bin" / name).symlink_to("/usr/bin/busybox")
    (folder / "usr/bin/env").symlink_to("busybox")
    image.tree(Path(source) / "usr/lib" / PYTHON, f"/usr/lib/{PYTHON}", PYTHON_LEFT_OUT)
    for name in ("sys", "proc", "dev", "tmp", "root"):
        (folder / name).mkdir(exist_ok=True)
    image.put(build_dir / "cheshire", "/cheshire/build/cheshire")
    image.tree(build_dir / "targets", "/cheshire/build/targets", {"obj"})
    image.tree(build_dir / "tests/windows", "/cheshire/build/tests/windows", {"__pycache__"})
    image.tree(ROOT / "tests/live", "/cheshire/tests/live", {"__pycache__"})
    image.tree(ROOT / "tests/kernels/guest", "/cheshire/tests/kernels/guest", {"__pycache__"})
    (folder / "init").symlink_to("/cheshire/tests/kernels/guest/init")
    return image
