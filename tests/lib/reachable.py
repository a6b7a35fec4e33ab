"""A program as somebody else runs it: where a folder above it is closed to
others (the checkout lies in root's home), a copy that is not."""
import atexit
import functools
import os
import shutil
import stat
import tempfile


def is_open(path):
    """Anybody may enter each folder above it."""
    above = os.path.dirname(os.path.realpath(path))
    while above != os.path.dirname(above):
        if not os.stat(above).st_mode & stat.S_IXOTH:
            return False
        above = os.path.dirname(above)
    return True


@functools.lru_cache(None)
def reachable(path):
    if is_open(path):
        return path
    folder = tempfile.mkdtemp(prefix="mailhaul-", dir="/tmp")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.chmod(folder, 0o755)
    copy = shutil.copy(path, folder)
    os.chmod(copy, 0o755)
    return copy
