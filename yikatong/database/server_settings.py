"""The embedded server's configuration, written anew at each start so that a later version of Yikatong can change it.

The files lie beside the data, not in it: the data belong to the server's user, and root must not write where another
user could have put a link. An operator's own wishes go through ``alter system``, which wins over this file.
"""

import os
from pathlib import Path

MIB = 1024 * 1024
SHARED_MEMORY_ENOUGH_BYTES = 256 * MIB

# Only the Unix socket, which lies in a folder of mode 0700: who can reach it owns the data anyway.
CLIENT_AUTHENTICATION = "# Written by Yikatong at each start.\nlocal all all trust\n"

COMMON = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "200",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_line_prefix": "%m [%p] ",
    # Statements, parameters and the DETAIL of a refused row hold personal data, which never goes to a log.
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_min_duration_statement": "-1",
    "log_error_verbosity": "terse",
}
DURABLE = {
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgres-%u.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
}
# Commits still reach the operating system at once, so that tests that kill the server find what it promised to keep.
FOR_TESTS = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "logging_collector": "off",
}


def settings(*, socket_folder: Path, hba_file: Path, memory_bytes: int, durable: bool) -> dict[str, str]:
    """All parameters by name, sized for a machine with ``memory_bytes`` that also runs everything else of Yikatong."""
    shared_mib = min(max(memory_bytes // 8 // MIB, 128), 1024) if durable else 128
    sized = {
        "shared_buffers": f"{shared_mib}MB",
        "effective_cache_size": f"{max(memory_bytes // 2 // MIB, 256)}MB",
        "maintenance_work_mem": f"{max(shared_mib // 4, 64)}MB",
        "work_mem": "16MB",
    }
    places = {"unix_socket_directories": str(socket_folder), "hba_file": str(hba_file)}
    if not _shared_memory_is_roomy():
        places["dynamic_shared_memory_type"] = "mmap"  # a container's 64 MB of /dev/shm break parallel queries
    return COMMON | sized | places | (DURABLE if durable else FOR_TESTS)


def as_file(parameters: dict[str, str]) -> str:
    """The text of a configuration file."""
    lines = []
    for name, value in parameters.items():
        quoted = value.replace("\\", "\\\\").replace("'", "''")
        lines.append(f"{name} = '{quoted}'\n")
    return "# Written by Yikatong at each start; make changes with ALTER SYSTEM.\n" + "".join(lines)


def machine_memory_bytes() -> int:
    """The machine's memory, or the container's where it is limited to less."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit_file = Path("/sys/fs/cgroup/memory.max")
    limit = limit_file.read_text().strip() if limit_file.is_file() else "max"
    return min(physical, int(limit)) if limit.isdigit() else physical


def _shared_memory_is_roomy() -> bool:
    folder = Path("/dev/shm")  # noqa: S108 - only its size is read
    if not folder.is_dir():
        return True
    status = os.statvfs(folder)
    return status.f_blocks * status.f_frsize >= SHARED_MEMORY_ENOUGH_BYTES
