# SPDX-License-Identifier: Apache-2.0
"""A real libmysqlclient, which Connector/Python's extension holds and exports, without another
beside.

handle_libmysqlclient.py FOLDER CALLER: the unpacked wheel, and standin/caller.c together with
standin/caller_more.c, linked with the extension. Led by lines, each answered by one:

    connect HOST | query SQL | id
    nonblocking SQL     mysql_real_query_nonblocking()
    prepare SQL         always on the same MYSQL_STMT
"""
import ctypes
import importlib
import os
import sys

sys.path.insert(0, sys.argv[1])
os.environ["LIBMYSQL_PLUGIN_DIR"] = os.path.join(sys.argv[1], "mysql", "vendor", "plugin")
extension = ctypes.CDLL(importlib.import_module("_mysql_connector").__file__)
caller = ctypes.CDLL(sys.argv[2])
POINTER, TEXT = ctypes.c_void_p, ctypes.c_char_p


def function(name, result, *arguments, library=caller):
    found = getattr(library, name)
    found.restype, found.argtypes = result, arguments
    return found


init = function("mysql_init", POINTER, POINTER, library=extension)
fetch_row = function("mysql_fetch_row", ctypes.POINTER(TEXT), POINTER, library=extension)
free_result = function("mysql_free_result", None, POINTER, library=extension)
connect_to = function("call_connect", POINTER, POINTER, TEXT)
query = function("call_query", ctypes.c_int, POINTER, TEXT)
nonblocking = function("call_query_nonblocking", ctypes.c_int, POINTER, TEXT, ctypes.c_ulong)
stmt_init = function("call_stmt_init", POINTER, POINTER)
prepare = function("call_stmt_prepare", ctypes.c_int, POINTER, TEXT, ctypes.c_ulong)
stmt_errno = function("call_stmt_errno", ctypes.c_uint, POINTER)
stmt_sqlstate = function("call_stmt_sqlstate", TEXT, POINTER)
thread_id = function("mysql_thread_id", ctypes.c_ulong, POINTER, library=extension)
store_result = function("call_store_result", POINTER, POINTER)
errno = function("call_errno", ctypes.c_uint, POINTER)
sqlstate = function("call_sqlstate", TEXT, POINTER)


def error(handle):
    return f"error {errno(handle)} {sqlstate(handle).decode()}"


def take_result(handle, failed):
    if failed:
        return error(handle)
    result = store_result(handle)
    if not result:
        return error(handle) if errno(handle) else "ok"
    row = fetch_row(result)
    answer = "ok " + (row[0] or b"NULL").decode() if row else "ok"
    free_result(result)
    return answer


def main():
    handle = stmt = None
    for line in sys.stdin:
        word, _, rest = line.rstrip("\n").partition(" ")
        text = rest.encode()
        if word == "connect":
            handle = init(None)
            answer = "ok" if connect_to(handle, text) else error(handle)
            stmt = stmt_init(handle)
        elif word == "id":
            answer = f"ok {thread_id(handle)}"
        elif word == "prepare":
            failed = prepare(stmt, text, len(text))
            answer = f"error {stmt_errno(stmt)} {stmt_sqlstate(stmt).decode()}" if failed else "ok"
        elif word == "nonblocking":
            answer = take_result(handle, nonblocking(handle, text, len(text)))
        else:
            answer = take_result(handle, query(handle, text))
        print(answer, flush=True)


main()
