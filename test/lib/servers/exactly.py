# SPDX-License-Identifier: Apache-2.0
"""Reading from a socket what is said to come."""


def exactly(stream, n):
    """So many bytes; ConnectionError where it ends before."""
    data = b""
    while len(data) < n:
        more = stream.recv(n - len(data))
        if not more:
            raise ConnectionError("it hung up")
        data += more
    return data
