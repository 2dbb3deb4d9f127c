# SPDX-License-Identifier: Apache-2.0
"""A real libmysqlclient, which Connector/Python's extension holds and exports.

libmysqlclient.py FOLDER CALLER: the unpacked wheel, which is on Python's path, and
standin/caller.c, linked with the extension, through which the calls go that a preloaded library
serves first.  Led by lines, each answered by one:

    version | connect HOST | query SQL      the first column of the first row, if there is one
    beside connect HOST | beside query SQL  the same by mysqlclient, which brings libmariadb
"""
import ctypes
import importlib
import os
import sys

import MySQLdb

os.environ["LIBMYSQL_PLUGIN_DIR"] = os.path.join(sys.argv[1], "mysql", "vendor", "plugin")
extension = ctypes.CDLL(importlib.import_module("_mysql_connector").__file__)
caller = ctypes.CDLL(sys.argv[2])
pointer, text = ctypes.c_void_p, ctypes.c_char_p


def function(name, result, *arguments, library=caller):
    found = getattr(library, name)
    found.restype, found.argtypes = result, arguments
    return found


init = function("mysql_init", pointer, pointer, library=extension)
info = function("mysql_get_client_info", text, library=extension)
fetch_row = function("mysql_fetch_row", ctypes.POINTER(text), pointer, library=extension)
free_result = function("mysql_free_result", None, pointer, library=extension)
call_connect = function("call_connect", pointer, pointer, text)
query = function("call_query", ctypes.c_int, pointer, text)
store_result = function("call_store_result", pointer, pointer)
errno = function("call_errno", ctypes.c_uint, pointer)
sqlstate = function("call_sqlstate", text, pointer)


def error():
    return f"error {errno(handle)} {sqlstate(handle).decode()}"


def connect(host):
    return "ok" if call_connect(handle, host.encode()) else error()


def execute(statement):
    if query(handle, statement.encode()) != 0:
        return error()
    result = store_result(handle)
    if not result:
        return error() if errno(handle) else "ok"
    row = fetch_row(result)
    answer = "ok " + row[0].decode() if row and row[0] else "ok"
    free_result(result)
    return answer


def beside(word, rest):
    global other
    try:
        if word == "connect":
            other = MySQLdb.connect(host=rest, user="app", passwd="app", db="app", autocommit=True)
            return "ok"
        cursor = other.cursor()
        cursor.execute(rest)
        return f"ok {cursor.fetchone()[0]}"
    except MySQLdb.Error as e:
        return f"error {e.args[0]}"


for line in sys.stdin:
    word, _, rest = line.rstrip("\n").partition(" ")
    if word == "version":
        answer = info().decode()
    elif word == "connect":
        handle = init(None)
        answer = connect(rest)
    elif word == "beside":
        answer = beside(*rest.split(" ", 1))
    else:
        answer = execute(rest)
    print(answer, flush=True)
