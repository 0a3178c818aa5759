"""The program that copies one disk image; a process of its own, standard library only.

    python -I -S copier.py SOURCE_FD TARGET_FD FINAL_SIZE BYTES_PER_S

It runs outside the server, so that a copy holds up no request. It inherits two
open files, keeps the holes of the source, and writes one JSON object a line:
``{"progress": 40}``, then ``{"done": true}`` or ``{"errno": 28}``. When its
standard input ends, its server is gone and it stops: whoever finds the copy
then, finds it unlocked and does not take it for a whole one.
"""

import errno
import json
import os
import select
import sys
import time
from collections.abc import Callable, Iterator

CHUNK = 8 << 20
_NO_SERVER = 3
"""The status it ends with when its server is gone."""
_NO_KERNEL_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}


def data_ranges(fd: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each run of data in a file, leaving out its holes."""
    offset = 0
    while offset < size:
        try:
            start = os.lseek(fd, offset, os.SEEK_DATA)
        except OSError as exc:
            if exc.errno == errno.ENXIO:  # nothing but a hole up to the end
                return
            raise
        offset = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, min(offset, size)


def copy_chunk(source: int, target: int, offset: int, count: int) -> int:
    """Copy up to ``count`` bytes at ``offset``; return how many, 0 at the source's end."""
    try:
        return os.copy_file_range(source, target, count, offset, offset)
    except OSError as exc:
        if exc.errno not in _NO_KERNEL_COPY:
            raise
    return os.pwrite(target, os.pread(source, count, offset), offset)


def copy(
    source: int, target: int, final_size: int, *, bytes_per_s: int, pause: Callable[[float], None]
) -> None:
    """Make ``target`` a sparse copy of ``source`` and bring it to the disk.

    Args:
        source: file descriptor to read from.
        target: file descriptor to write to; emptied first.
        final_size: bytes that the target shall have, at least the source's.
        bytes_per_s: the most to copy in a second; 0 for no limit.
        pause: called between chunks with the seconds to wait.
    """
    size = os.fstat(source).st_size
    os.ftruncate(target, 0)
    os.ftruncate(target, final_size)
    ranges = list(data_ranges(source, size))
    total = sum(end - start for start, end in ranges) or 1
    chunk = min(CHUNK, max(bytes_per_s // 4, 4096)) if bytes_per_s else CHUNK
    copied, begun, told = 0, time.monotonic(), -1
    for start, end in ranges:
        offset = start
        while offset < end:
            count = copy_chunk(source, target, offset, min(chunk, end - offset))
            if count == 0:
                raise OSError(errno.ESTALE, "the source became shorter")
            offset += count
            copied += count
            if (percent := copied * 100 // total) != told:
                told = percent
                tell(progress=percent)
            pause(begun + copied / bytes_per_s - time.monotonic() if bytes_per_s else 0)
    os.fsync(target)


def wait_for_server(seconds: float) -> None:
    """Wait, and leave at once when standard input ends because the server is gone."""
    readable, _, _ = select.select([0], [], [], max(seconds, 0))
    if readable and not os.read(0, 1):
        sys.exit(_NO_SERVER)


def tell(**news: object) -> None:
    """Write a line; leave at once when nobody can read it because the server is gone."""
    try:
        print(json.dumps(news), flush=True)
    except BrokenPipeError:
        os._exit(_NO_SERVER)  # not sys.exit(): Python would try to write it once more, and say so


def main(arguments: list[str]) -> None:
    """Copy as the command line says and tell the outcome."""
    source, target, final_size, bytes_per_s = map(int, arguments)
    try:
        copy(source, target, final_size, bytes_per_s=bytes_per_s, pause=wait_for_server)
    except OSError as exc:
        tell(errno=exc.errno)
    else:
        tell(done=True)


if __name__ == "__main__":
    main(sys.argv[1:])
