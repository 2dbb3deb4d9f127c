# SPDX-License-Identifier: Apache-2.0
"""The lookups of libc that Python does not reach by itself, called through ctypes."""
import ctypes
import socket

libc = ctypes.CDLL(None, use_errno=True)


class Hostent(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("aliases", ctypes.c_void_p),
                ("family", ctypes.c_int), ("length", ctypes.c_int),
                ("addresses", ctypes.POINTER(ctypes.c_void_p))]

    def address(self):
        return socket.inet_ntop(self.family, ctypes.string_at(self.addresses[0], self.length))

    def pair(self):
        return self.name.decode(), self.address()


class Addrinfo(ctypes.Structure):
    pass


Addrinfo._fields_ = [("flags", ctypes.c_int), ("family", ctypes.c_int), ("type", ctypes.c_int),
                     ("protocol", ctypes.c_int), ("length", ctypes.c_uint),
                     ("address", ctypes.c_void_p), ("name", ctypes.c_char_p),
                     ("next", ctypes.POINTER(Addrinfo))]


def _v4(info):
    """IPv4, also mapped into IPv6: glibc does that where no IPv4 but loopback's is up."""
    at = {socket.AF_INET: 4, socket.AF_INET6: 8 + 12}[info.family]
    return socket.inet_ntop(socket.AF_INET, ctypes.string_at(info.address + at, 4))


def getaddrinfo_null_hints(name):
    """[(type, address)] of a call without hints."""
    result, found = ctypes.POINTER(Addrinfo)(), []
    if libc.getaddrinfo(name.encode(), b"3306", None, ctypes.byref(result)) != 0:
        return None
    at = result
    while at:
        found.append((at.contents.type, _v4(at.contents)))
        at = at.contents.next
    libc.freeaddrinfo(result)
    return found


def _plain(function, *args):
    function.restype = ctypes.POINTER(Hostent)
    found = function(*args)
    return found.contents.pair() if found else None


def gethostbyname(name):
    return _plain(libc.gethostbyname, name.encode())


def gethostbyname2(name, family):
    return _plain(libc.gethostbyname2, name.encode(), family)


def gethostbyaddr(address, family=socket.AF_INET):
    packed = socket.inet_pton(family, address)
    return _plain(libc.gethostbyaddr, packed, len(packed), family)


def _reentrant(function, *args, room=1024):
    host, found, error = Hostent(), ctypes.POINTER(Hostent)(), ctypes.c_int()
    space = ctypes.create_string_buffer(room)
    status = function(*args, ctypes.byref(host), space, ctypes.c_size_t(room), ctypes.byref(found),
                      ctypes.byref(error))
    return found.contents.pair() if status == 0 and found else status


def gethostbyname_r(name, **options):
    return _reentrant(libc.gethostbyname_r, name.encode(), **options)


def gethostbyname2_r(name, family):
    return _reentrant(libc.gethostbyname2_r, name.encode(), family)


def gethostbyaddr_r(address):
    packed = socket.inet_aton(address)
    return _reentrant(libc.gethostbyaddr_r, packed, len(packed), socket.AF_INET)
